"""Sweeps in the user's process: made, worked for by agents, waited for."""
