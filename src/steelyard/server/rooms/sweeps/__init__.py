"""Sweeps: what is searched, who searches, and what became of every trial."""
