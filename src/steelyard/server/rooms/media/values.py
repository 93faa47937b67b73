"""A logged media value to its items: one file, or each of a list, with what was said about it.

# wandb 0.31.0 sdk/data_types/*.py: to_json() and seq_to_json() of each class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import msgspec

from steelyard.limits import MEDIA_ITEMS_MAX

MediaKind = Literal[
    "image", "audio", "video", "html", "plotly", "molecule", "object3D", "bokeh", "table",
    "histogram", "graph", "file",
]  # fmt: skip

#: What the value of a single item, or of a list, is called.
KINDS: dict[str, MediaKind] = {
    "image-file": "image",
    "images/separated": "image",
    "images": "image",
    "audio-file": "audio",
    "audio": "audio",
    "video-file": "video",
    "videos": "video",
    "html-file": "html",
    "html": "html",
    "plotly-file": "plotly",
    "bokeh-file": "bokeh",
    "molecule-file": "molecule",
    "molecule": "molecule",
    "object3D-file": "object3D",
    "object3D": "object3D",
    "table-file": "table",
    "incremental-table-file": "table",
    "table": "table",
    "partitioned-table": "table",
    "joined-table": "table",
    "histogram": "histogram",
    "graph-file": "graph",
    "file": "file",
}
#: Lists of values under a name of their own.
_LISTS = {"audio": "audio", "videos": "videos", "html": "html", "object3D": "objects"}
#: Lists of file names, and how one of them is called alone.
_FILE_LISTS = {"images/separated": "image-file", "molecule": "molecule-file"}
_OWN_MEMBERS = frozenset(
    {"_type", "path", "caption", "boxes", "masks", "artifact_path", "_latest_artifact_path"}
)


class MediaValue(msgspec.Struct, frozen=True, kw_only=True):
    """One item. `path` is in the files of the run; `artifact_path` leads into an artifact."""

    kind: MediaKind
    type: str
    path: str | None = None
    artifact_path: str | None = None
    caption: str | None = None
    boxes: dict[str, Any] = {}
    masks: dict[str, Any] = {}
    about: dict[str, Any] = {}
    """All else that was logged with it: width, height, nrows, bins …"""


def kind_of_types(types: dict[str, int]) -> MediaKind | None:
    """The kind of media a key with values of these types holds; None for none."""
    counts: dict[MediaKind, int] = {}
    for name, count in types.items():
        kind = KINDS.get(name)
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + count
    ordered = sorted(counts.items(), key=lambda item: (item[1], item[0]))
    return ordered[-1][0] if ordered else None


def list_items(value: Any) -> list[MediaValue]:
    """The items of a value, at most MEDIA_ITEMS_MAX; what is no media gives none."""
    items: list[MediaValue] = []
    for item in _items(value, depth=0):
        items.append(item)
        if len(items) >= MEDIA_ITEMS_MAX:
            break
    return items


def _items(value: Any, *, depth: int) -> Iterator[MediaValue]:
    if isinstance(value, list) and depth < 2:
        for inner in value:
            yield from _items(inner, depth=depth + 1)
    if not isinstance(value, dict):
        return
    name = value.get("_type")
    if not isinstance(name, str) or name not in KINDS:
        return
    if name in _FILE_LISTS:
        yield from _from_names(value, name)
    elif name in _LISTS and isinstance(inner := value.get(_LISTS[name]), list):
        captions = value.get("captions")
        for number, each in enumerate(inner):
            for item in _items(each, depth=2):
                caption = item.caption or _at(captions, number, str)
                yield msgspec.structs.replace(item, caption=caption)
    else:
        yield _single(value, name)


def _from_names(value: dict[str, Any], name: str) -> Iterator[MediaValue]:
    names = value.get("filenames")
    own = {"filenames", "captions", "all_masks", "all_boxes", "count", "_type"}
    about = {key: item for key, item in value.items() if key not in own}
    for number, file in enumerate(names if isinstance(names, list) else ()):
        if isinstance(file, str):
            is_elsewhere = "://" in file
            yield MediaValue(
                kind=KINDS[name],
                type=_FILE_LISTS[name],
                path=None if is_elsewhere else file,
                artifact_path=file if is_elsewhere else None,
                caption=_at(value.get("captions"), number, str),
                boxes=_at(value.get("all_boxes"), number, dict) or {},
                masks=_at(value.get("all_masks"), number, dict) or {},
                about=about,
            )


def _single(value: dict[str, Any], name: str) -> MediaValue:
    return MediaValue(
        kind=KINDS[name],
        type=name,
        path=_text(value.get("path")),
        artifact_path=_text(value.get("artifact_path")),
        caption=_text(value.get("caption")),
        boxes=_object(value.get("boxes")),
        masks=_object(value.get("masks")),
        about={key: item for key, item in value.items() if key not in _OWN_MEMBERS},
    )


def _at(values: Any, number: int, kind: type) -> Any:
    found = values[number] if isinstance(values, list) and number < len(values) else None
    return found if isinstance(found, kind) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


assert set(KINDS.values()) == set(get_args(MediaKind))
