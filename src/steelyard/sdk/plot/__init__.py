"""Charts of a table's columns, and of how well a classifier does."""
