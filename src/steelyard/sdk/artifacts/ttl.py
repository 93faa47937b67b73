"""How long an artifact lives, where that is not a number of days."""

from __future__ import annotations

from enum import Enum


class ArtifactTTL(Enum):
    """INHERIT: as the collection, or the team, has it."""

    INHERIT = 0
