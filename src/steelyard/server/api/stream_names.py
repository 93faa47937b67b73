"""The streams of a run, as a parameter."""

from __future__ import annotations

from typing import Literal

StreamName = Literal["history", "system"]
