"""How long an artifact lives, where that is not a number of days."""

from __future__ import annotations

from enum import Enum


class ArtifactTTL(Enum):
    """INHERIT: the default of the entity. This version of the server has none: the artifact stays.

    wandb 0.31.0 sdk/artifacts/artifact.py ttl: the admin of a team may set one.
    """

    INHERIT = 0
