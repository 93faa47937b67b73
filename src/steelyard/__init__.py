"""Steelyard: the open, self-hosted home for machine-learning work."""

from steelyard._version import __version__

__all__ = ["__version__"]
