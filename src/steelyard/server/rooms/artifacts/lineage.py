"""The graph around a version: what it was made of, and what was made of it.

Ancestors and descendants are walked apart, so that siblings do not appear. Where a node has many
neighbours of one kind, one stack stands for all of them until it is asked to open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

import msgspec
from sqlalchemy.engine import Connection

from steelyard.limits import LINEAGE_FAN_OUT_MAX
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_artifact,
    artifacts_by_id,
    in_steps,
    members_by_artifact,
)
from steelyard.server.rooms.artifacts.uses import (
    count_logged,
    count_used,
    count_uses,
    list_logged,
    list_used,
    list_uses,
    runs_by_output,
)
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import list_runs_by_id
from steelyard.wire.artifacts import Lineage, LineageEdge, LineageNode

Direction = Literal["both", "up", "down"]
Kind = Literal["artifact", "run"]


class Place(msgspec.Struct, frozen=True):
    """A node by kind and number."""

    kind: Kind
    number: int

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.number}"


class Walk:
    """One answer in the making."""

    def __init__(
        self,
        conn: Connection,
        *,
        may_read: Callable[[int], bool],
        expand: Collection[str],
        limit: int,
    ) -> None:
        self._conn = conn
        self._may_read = may_read
        self._expand = expand
        self._limit = limit
        self._runs: dict[int, Run] = {}
        self._artifacts: dict[int, Artifact] = {}
        self.places: dict[Place, None] = {}
        self.stacks: dict[str, LineageNode] = {}
        self.edges: dict[tuple[str, str], LineageEdge] = {}
        self.is_truncated = False

    def go(self, root: Place, *, is_down: bool, depth: int) -> None:
        """Add what is up to `depth` edges above or below the root."""
        self._load([root])
        self.places[root] = None
        seen, frontier = {root}, [root]
        for _ in range(depth):
            found: list[Place] = []
            for place in frontier:
                found += self._step(place, is_down=is_down)
            frontier = [place for place in dict.fromkeys(found) if place not in seen]
            seen.update(frontier)
            if not frontier:
                break

    def _step(self, place: Place, *, is_down: bool) -> list[Place]:
        """Add the neighbours of a node; those to go on from."""
        total, neighbours = self._neighbours(place, is_down=is_down)
        stack_id = f"stack:{'down' if is_down else 'up'}:{place.id}"
        if total > LINEAGE_FAN_OUT_MAX and stack_id not in self._expand:
            kind: Kind = "run" if place.kind == "artifact" else "artifact"
            self.stacks[stack_id] = _stack(stack_id, kind, total)
            self._connect(place, stack_id, is_down=is_down)
            return []
        self._load(neighbours)
        added: list[Place] = []
        for neighbour in neighbours:
            if not self._is_visible(neighbour):
                continue
            if neighbour not in self.places:
                if len(self.places) + len(self.stacks) >= self._limit:
                    self.is_truncated = True
                    break
                self.places[neighbour] = None
            self._connect(place, neighbour.id, is_down=is_down)
            added.append(neighbour)
        return added

    def _neighbours(self, place: Place, *, is_down: bool) -> tuple[int, list[Place]]:
        """(how many there are, some of them: enough for any answer)."""
        conn, number, limit = self._conn, place.number, self._limit
        if place.kind == "artifact" and is_down:
            runs = [use.run_id for use in list_uses(conn, number, limit=limit)]
            total = count_uses(conn, [number]).get(number, 0)
            return total, [Place("run", run_id) for run_id in runs]
        if place.kind == "artifact":
            runs = runs_by_output(conn, [number]).get(number, [])
            return len(runs), [Place("run", run_id) for run_id in runs[:limit]]
        if is_down:
            logged = list_logged(conn, number, limit=limit)
            total = count_logged(conn, [number]).get(number, 0)
            return total, [Place("artifact", artifact.id) for artifact in logged]
        used = list_used(conn, number, limit=limit)
        total = count_used(conn, [number]).get(number, 0)
        return total, [Place("artifact", artifact.id) for _, artifact in used]

    def _connect(self, place: Place, other: str, *, is_down: bool) -> None:
        start, end = (place.id, other) if is_down else (other, place.id)
        is_use = (place.kind == "artifact") == is_down
        edge = LineageEdge(from_id=start, to=end, kind="used" if is_use else "logged")
        self.edges[start, end] = edge

    def _load(self, places: Sequence[Place]) -> None:
        runs = [p.number for p in places if p.kind == "run" and p.number not in self._runs]
        for some in in_steps(runs):
            self._runs |= {run.id: run for run in list_runs_by_id(self._conn, some)}
        self._artifacts |= artifacts_by_id(
            self._conn,
            [p.number for p in places if p.kind == "artifact" and p.number not in self._artifacts],
        )

    def _is_visible(self, place: Place) -> bool:
        of: Run | Artifact | None = (
            self._runs.get(place.number)
            if place.kind == "run"
            else self._artifacts.get(place.number)
        )
        return of is not None and self._may_read(of.entity_id)

    def finish(self, root: Place) -> Lineage:
        """The graph, with the links of its versions."""
        numbers = [place.number for place in self.places if place.kind == "artifact"]
        aliases = aliases_by_artifact(self._conn, numbers)
        nodes = [
            _run_node(place, self._runs[place.number])
            if place.kind == "run"
            else _artifact_node(
                place,
                self._artifacts[place.number],
                sorted({alias.alias for alias in aliases.get(place.number, [])}),
            )
            for place in self.places
        ]
        nodes += self.stacks.values()
        for artifact_id, members in members_by_artifact(self._conn, numbers).items():
            for member in members:
                if not member.is_link or not self._may_read(member.entity_id):
                    continue
                if len(nodes) >= self._limit:
                    self.is_truncated = True
                    break
                link = f"link:{member.id}"
                nodes.append(
                    LineageNode(
                        id=link,
                        kind="artifact",
                        label=f"{member.collection}:{member.version}",
                        type=member.type,
                        version=member.version,
                        state="COMMITTED",
                        entity=member.entity,
                        project=member.project,
                        name=member.collection,
                        created_at_us=member.created_at_us,
                        aliases=[
                            alias.alias
                            for alias in aliases.get(artifact_id, [])
                            if alias.member_id == member.id
                        ],
                    )
                )
                start = Place("artifact", artifact_id).id
                self.edges[start, link] = LineageEdge(from_id=start, to=link, kind="linked")
        return Lineage(root.id, nodes, list(self.edges.values()), self.is_truncated)


def trace_lineage(
    conn: Connection,
    artifact_id: int,
    *,
    depth: int,
    direction: Direction,
    limit: int,
    expand: Collection[str],
    may_read: Callable[[int], bool],
) -> Lineage:
    """The graph around a version: up to `depth` edges away, up to `limit` nodes.

    `may_read` says of an entity whether its runs and versions may be shown.
    """
    walk = Walk(conn, may_read=may_read, expand=expand, limit=limit)
    root = Place("artifact", artifact_id)
    if direction != "down":
        walk.go(root, is_down=False, depth=depth)
    if direction != "up":
        walk.go(root, is_down=True, depth=depth)
    return walk.finish(root)


def _artifact_node(place: Place, artifact: Artifact, aliases: list[str]) -> LineageNode:
    return LineageNode(
        id=place.id,
        kind="artifact",
        label=f"{artifact.collection}:{artifact.version or 'draft'}",
        type=artifact.type,
        version=artifact.version,
        state=artifact.state,
        entity=artifact.entity,
        project=artifact.project,
        name=artifact.collection,
        created_at_us=artifact.created_at_us,
        aliases=aliases,
    )


def _run_node(place: Place, run: Run) -> LineageNode:
    return LineageNode(
        id=place.id,
        kind="run",
        label=run.display_name or run.name,
        type=run.job_type,
        version=None,
        state=run.state,
        entity=run.entity,
        project=run.project,
        name=run.name,
        created_at_us=run.created_at_us,
        aliases=[],
    )


def _stack(stack_id: str, kind: Kind, count: int) -> LineageNode:
    return LineageNode(
        id=stack_id,
        kind="stack",
        label=f"{count:,} {'runs' if kind == 'run' else 'artifacts'}",
        type=kind,
        version=None,
        state=None,
        entity=None,
        project=None,
        name=None,
        created_at_us=None,
        aliases=[],
        hidden_count=count,
    )
