"""What filters and orders of collections and versions can name, and what that is in SQL.

Source of the names: wandb 0.31.0 apis/public/registries/_utils.py, and what users write in
`api.artifacts(…, filters=…, order=…)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from steelyard.errors import Invalid
from steelyard.limits import ORDER_FIELDS_MAX
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collection_tags,
    artifact_collections,
    artifact_members,
    artifact_tags,
    artifact_types,
    artifacts,
)
from steelyard.server.rooms.runs.fields import MISSING, Field, find_nested
from steelyard.server.rooms.runs.filters import All, Filter, Not, Some, Test, kind_of

Clause = sa.ColumnElement[bool]


class Many(msgspec.Struct, frozen=True):
    """A field with several values: those of `value` where `owner` is the row's id."""

    value: sa.ColumnElement[str]
    owner: sa.ColumnElement[int]
    row_id: sa.ColumnElement[int]


class Subject(msgspec.Struct, frozen=True):
    """What is listed: its fields under all their spellings, and which of them give an order."""

    what: str
    columns: Mapping[str, sa.ColumnElement[Any] | Many]
    spellings: Mapping[str, str]
    """Other name -> name of the column; camel case is understood anyway."""
    sortable: frozenset[str]
    document: str | None = None
    """Fields may be paths into it: `metadata.a.b`."""

    def parse_field(self, path: str) -> Field:
        """The field a path names. Raises Invalid, listing what there is."""
        name = self._column(path)
        if name is not None:
            return Field("column", (name,))
        head, _, rest = path.partition(".")
        if self.document is not None and rest and self.spellings.get(head, head) == self.document:
            return Field("metadata", tuple(rest.split(".")))
        paths = f", {self.document}.KEY" if self.document else ""
        raise Invalid(
            f"{self.what} have no field {path!r}; use one of: "
            f"{', '.join(sorted(self.columns))}{paths}"
        )

    def parse_order(self, text: str | None, default: str) -> tuple[tuple[str, bool], ...]:
        """(column, is it descending) of a text of comma-separated `[+-]field`, `id` behind all.

        Raises Invalid for fields that give no order.
        """
        parts = [part.strip() for part in (text or default).split(",") if part.strip()]
        if len(parts) > ORDER_FIELDS_MAX:
            raise Invalid(f"lists can be ordered by {ORDER_FIELDS_MAX} fields, not {len(parts)}")
        order: list[tuple[str, bool]] = []
        for part in parts:
            name = self._column(part.lstrip("+-"))
            if name is None or name not in self.sortable:
                raise Invalid(
                    f"{self.what} have no order by {part.lstrip('+-')!r}; use one of: "
                    f"{', '.join(sorted(self.sortable))}"
                )
            order.append((name, part.startswith("-")))
        if "id" not in [name for name, _ in order]:
            order.append(("id", order[0][1]))
        return tuple(order)

    def _column(self, path: str) -> str | None:
        name = "".join(f"_{char.lower()}" if char.isupper() else char for char in path)
        name = self.spellings.get(name, name)
        return name if name in self.columns else None


COLLECTIONS = Subject(
    what="collections",
    columns={
        "id": artifact_collections.c.id,
        "name": artifact_collections.c.name,
        "description": artifact_collections.c.description,
        "created_at": artifact_collections.c.created_at_us,
        "updated_at": artifact_collections.c.updated_at_us,
        "type": artifact_types.c.name,
        "kind": artifact_collections.c.kind,
        "tag": Many(
            artifact_collection_tags.c.tag,
            artifact_collection_tags.c.collection_id,
            artifact_collections.c.id,
        ),
    },
    spellings={"tags": "tag", "artifact_type": "type", "collection_name": "name"},
    sortable=frozenset({"id", "name", "created_at", "updated_at"}),
)

VERSIONS = Subject(
    what="versions",
    columns={
        "id": artifact_members.c.id,
        "version_index": artifact_members.c.version_index,
        "linked_at": artifact_members.c.created_at_us,
        "state": artifacts.c.state,
        "digest": artifacts.c.digest,
        "description": artifacts.c.description,
        "created_at": artifacts.c.created_at_us,
        "updated_at": artifacts.c.updated_at_us,
        "size": artifacts.c.size_bytes,
        "file_count": artifacts.c.file_count,
        "tag": Many(artifact_tags.c.tag, artifact_tags.c.artifact_id, artifacts.c.id),
        "alias": Many(
            artifact_aliases.c.alias, artifact_aliases.c.member_id, artifact_members.c.id
        ),
    },
    spellings={
        "version": "version_index",
        "tags": "tag",
        "aliases": "alias",
        "artifact_created_at": "created_at",
        "artifact_size": "size",
        "acm_created_at": "linked_at",
        "artifact_metadata": "metadata",
    },
    sortable=frozenset(
        {"id", "version_index", "created_at", "updated_at", "linked_at", "size", "file_count"}
    ),
    document="metadata",
)


def clause_of(subject: Subject, filter: Filter) -> tuple[Clause, bool]:
    """The filter in SQL, and whether that is all of it; if not, it lets too many rows pass."""
    if isinstance(filter, Test):
        return _clause_of_test(subject, filter)
    if isinstance(filter, Not):
        clause, is_all = clause_of(subject, filter.part)
        return (sa.not_(clause), True) if is_all else (sa.true(), False)
    parts = [clause_of(subject, part) for part in filter.parts]
    is_all = all(part_is_all for _, part_is_all in parts)
    if isinstance(filter, All):
        return sa.and_(sa.true(), *(clause for clause, _ in parts)), is_all
    assert isinstance(filter, Some)
    if not is_all:
        return sa.true(), False
    return sa.or_(sa.false(), *(clause for clause, _ in parts)), True


def number_versions(filter: Filter) -> Filter:
    """The same filter with `v3`, where the number of a version is meant, as 3."""
    if isinstance(filter, Not):
        return Not(number_versions(filter.part))
    if isinstance(filter, All):
        return All(tuple(number_versions(part) for part in filter.parts))
    if isinstance(filter, Some):
        return Some(tuple(number_versions(part) for part in filter.parts))
    if filter.field.source != "column" or filter.field.keys[0] != "version_index":
        return filter
    operand = filter.operand
    numbered = [_index(item) for item in operand] if isinstance(operand, list) else _index(operand)
    return Test(filter.field, filter.operator, numbered)


def _index(value: Any) -> Any:
    if isinstance(value, str) and value[:1] == "v" and value[1:].isdecimal():
        return int(value[1:])
    return value


def read_field(values: Mapping[str, Any], field: Field) -> Any:
    """The value of a field in a row of names and values, MISSING when it has none."""
    if field.source == "metadata":
        document = values["metadata"]
        return find_nested(json.loads(document) if document else {}, field.keys)
    value = values[field.keys[0]]
    return MISSING if value is None else value


def _clause_of_test(subject: Subject, test: Test) -> tuple[Clause, bool]:
    """NULL never leaves here: every clause is true or false, so that `not` turns it round."""
    if test.field.source == "metadata" or test.operator in ("$regex", "$contains"):
        return sa.true(), False
    column = subject.columns[test.field.keys[0]]
    if isinstance(column, Many):
        return _clause_of_many(column, test), True
    return _compare(column, test.operator, test.operand), True


def _clause_of_many(many: Many, test: Test) -> Clause:
    """One of the values passes; a field without values is missing, which equals null."""
    if test.operator in ("$ne", "$nin"):
        turned = Test(test.field, "$eq" if test.operator == "$ne" else "$in", test.operand)
        return sa.not_(_clause_of_many(many, turned))
    if test.operator == "$in":
        equals = (Test(test.field, "$eq", item) for item in test.operand)
        return sa.or_(sa.false(), *(_clause_of_many(many, each) for each in equals))
    of_row = sa.select(sa.literal(1)).where(many.owner == many.row_id)
    if test.operator == "$exists":
        return sa.exists(of_row) if test.operand else sa.not_(sa.exists(of_row))
    if test.operand is None:
        return sa.not_(sa.exists(of_row))
    return sa.exists(of_row.where(_compare(many.value, test.operator, test.operand)))


def _compare(column: sa.ColumnElement[Any], operator: str, operand: Any) -> Clause:
    """As `filters.test_value` does it: kinds that differ are never equal and have no order."""
    if operator == "$exists":
        return column.is_not(None) if operand else column.is_(None)
    if operator == "$ne":
        return sa.not_(_compare(column, "$eq", operand))
    if operator == "$nin":
        return sa.not_(_compare(column, "$in", operand))
    if operator == "$in":
        return sa.or_(sa.false(), *(_compare(column, "$eq", item) for item in operand))
    if operator == "$eq" and operand is None:
        return column.is_(None)
    is_text = isinstance(column.type, sa.Text)
    if kind_of(operand) != ("text" if is_text else "number") or _is_too_large(operand):
        return sa.false()
    compared: dict[str, Clause] = {
        "$eq": column == operand,
        "$gt": column > operand,
        "$gte": column >= operand,
        "$lt": column < operand,
        "$lte": column <= operand,
    }
    return sa.and_(column.is_not(None), compared[operator])


def _is_too_large(operand: Any) -> bool:
    return isinstance(operand, int) and abs(operand) >= 2**63
