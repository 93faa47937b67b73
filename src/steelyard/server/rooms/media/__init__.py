"""Media that runs log: which there are, and what one of them consists of."""
