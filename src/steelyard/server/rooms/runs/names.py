"""Names of runs: which ids a client may choose, and the names we invent to show."""

from __future__ import annotations

import random
import unicodedata

from steelyard.errors import Invalid
from steelyard.limits import NAME_CHARS_MAX

#: Each means something in a URL, a path or a filter, so no run may carry it. The official client
#: refuses `/ \ # ? % :` itself.
REFUSED_CHARS = frozenset('/\\#?%:"<>|*')

ADJECTIVES = """
amber brave bright calm clever copper crisp daring eager early fabled fancy floral fresh gentle
glad golden grand happy hardy honest humble icy jolly keen kind lively lucky lunar mellow merry
misty noble olive patient plucky polar proud quick quiet rapid rosy royal rustic sage serene silent
silver smooth snowy solar spry steady still stoic sunny swift tidal true upbeat valiant vivid warm
wild wise witty young zesty
"""
NOUNS = """
anchor anvil badger balance beacon birch bison breeze brook canyon cedar cliff cloud comet
coral crane creek delta dolphin dune eagle ember falcon feather fern field finch fjord forest fox
garden glacier grove harbor hawk heron hill island jay lagoon lake lantern lark leaf lynx maple
marsh meadow moon moss mountain oak ocean orchard otter owl pebble pine planet plover pond prairie
raven reef ridge river robin sail sparrow spruce star stone storm sun thicket tide trail valley wave
willow wind wolf wren
"""


def check_run_name(name: str) -> str:
    """The name, if a run may have it. Raises Invalid, naming what is wrong.

    Letters of every script, digits, spaces and signs are fine, up to NAME_CHARS_MAX characters.
    """
    if not name or name != name.strip():
        raise Invalid("the id of a run must not be empty, nor start or end with a space")
    if len(name) > NAME_CHARS_MAX:
        raise Invalid(
            f"the id of a run may have {NAME_CHARS_MAX} characters; this one has {len(name)}"
        )
    if name in (".", ".."):
        raise Invalid(f"{name!r} cannot be the id of a run: it would name a folder")
    for char in name:
        if char in REFUSED_CHARS or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            raise Invalid(
                f"the id of a run must not contain {char!r}; "
                "letters, digits, '-', '_' and '.' always work"
            )
    return name


def invent_display_name(number: int, *, seed: str) -> str:
    """A name to show for the `number`-th run of a project: happy-fox-12. Same seed, same name."""
    choice = random.Random(seed)  # noqa: S311  # a label, not a secret
    return f"{choice.choice(ADJECTIVES.split())}-{choice.choice(NOUNS.split())}-{number}"
