"""Tables of the columns store."""
