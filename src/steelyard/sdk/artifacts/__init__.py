"""Artifacts: files that are versioned, shared between runs and never stored twice.

`artifact.py` is what scripts use. Nothing here is loaded before the first use of an artifact, and
nothing imports numpy, a cloud package or the server.
"""
