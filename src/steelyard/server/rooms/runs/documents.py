"""Reads chosen fields of many runs: only the columns they need, only the keys they need.

Decoding two keys of a 2 kB summary into a Struct skips the rest and costs a few microseconds; a
whole `json.loads` costs ten times that. Documents with bare NaN, which only Python's reader
takes, fall back to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from steelyard.server.rooms.runs.fields import (
    MISSING,
    Field,
    find_in_config,
    find_nested,
    top_keys,
)
from steelyard.server.rooms.runs.joins import user_names
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.tables import runs

Getter = Callable[[Sequence[Any]], Any]

#: What is selected for a column field, where it is not the column of that name.
_EXPRESSIONS: dict[str, Any] = {
    "group": runs.c.run_group,
    "username": user_names.c.username,
    # Seconds from the first to the last sign of life.
    "duration": (
        sa.func.coalesce(runs.c.finished_at_us, runs.c.heartbeat_at_us) - runs.c.created_at_us
    ),
    "created_at": runs.c.created_at_us,
    "updated_at": runs.c.updated_at_us,
    "heartbeat_at": runs.c.heartbeat_at_us,
    "finished_at": runs.c.finished_at_us,
}


class FieldReader:
    """For given fields: the statement to run, and how to read their values from its rows."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._sources: list[Any] = []
        self._places: dict[str, int] = {}
        self._decoders: dict[int, DocumentDecoder] = {}
        for source in ("config", "summary"):
            picked = [field for field in fields if document_of(field) == source]
            if picked:
                place = self._place(source, runs.c[source])
                keys = {key for field in picked for key in top_keys(field.keys)}
                self._decoders[place] = DocumentDecoder(sorted(keys))
        self._getters = [self._getter(field) for field in fields]

    @property
    def statement(self) -> sa.Select[Any]:
        """(run id, one column per source); add WHERE."""
        statement = sa.select(runs.c.id, *self._sources).select_from(runs)
        if "username" in self._places:
            statement = statement.outerjoin(user_names, user_names.c.id == runs.c.user_id)
        return statement

    def read(self, sources: Sequence[Any]) -> list[Any]:
        """The value of each field, MISSING where the run has none, from one row without its id."""
        parsed = list(sources)
        for place, decoder in self._decoders.items():
            parsed[place] = decoder.decode(parsed[place])
        return [getter(parsed) for getter in self._getters]

    def _place(self, name: str, expression: Any) -> int:
        if name not in self._places:
            self._places[name] = len(self._sources)
            self._sources.append(expression)
        return self._places[name]

    def _getter(self, field: Field) -> Getter:
        document = document_of(field)
        if document is not None:
            place, keys = self._places[document], field.keys
            if document == "config":
                return lambda row: find_in_config(row[place], keys)
            return lambda row: find_nested(row[place], keys)
        (name,) = field.keys
        place = self._place(name, _EXPRESSIONS[name] if name in _EXPRESSIONS else runs.c[name])
        if name == "tags":
            return lambda row: json.loads(row[place])
        if name == "duration":
            return lambda row: row[place] / 1e6
        return lambda row: MISSING if row[place] is None else row[place]


def document_of(field: Field) -> str | None:
    """The JSON column a field is read from; None for a plain column."""
    return field.source if field.source in ("config", "summary") else None


class DocumentDecoder:
    """Decodes some top-level keys of JSON objects."""

    def __init__(self, keys: Sequence[str]) -> None:
        names = [f"f{i}" for i in range(len(keys))]
        picked = msgspec.defstruct(
            "Picked",
            [(name, Any, msgspec.UNSET) for name in names],
            rename=dict(zip(names, keys, strict=True)),
        )
        self._pairs = list(zip(names, keys, strict=True))
        self._decode = msgspec.json.Decoder(picked).decode

    def decode(self, text: str) -> dict[str, Any]:
        """The chosen keys of the document that it has."""
        try:
            picked = self._decode(text)
        except msgspec.MsgspecError:
            return parse_json_object(text, "a document of a run")
        values = ((key, getattr(picked, name)) for name, key in self._pairs)
        return {key: value for key, value in values if value is not msgspec.UNSET}
