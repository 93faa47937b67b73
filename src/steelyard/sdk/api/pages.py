"""Lists that are read from the server page by page, as a script goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Self, TypeVar, overload

from steelyard.errors import Invalid

T = TypeVar("T")


class Pages(Generic[T], Iterator[T]):
    """Its own iterator, begun anew by `iter`; what was read is kept in `objects`.

    Subclasses read one page in `_read_page`. Source: wandb 0.31.0 apis/paginator.py.
    """

    def __init__(self, per_page: int, start: str | None = None) -> None:
        if per_page < 1:
            raise Invalid(f"per_page is at least 1, not {per_page}")
        self.per_page: int = per_page
        self.objects: list[T] = []
        self.index: int = -1
        self._cursor: str | None = start
        self._has_more = True
        self._total: int | None = None

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        """A connection of the GraphQL schema: `edges`, `pageInfo`, and `totalCount` if it has."""
        raise NotImplementedError

    def _convert(self, edge: dict[str, Any]) -> T | None:
        """The object of an edge; None leaves it out."""
        raise NotImplementedError

    @property
    def more(self) -> bool:
        """Whether there may be more than was read."""
        return self._has_more

    @property
    def cursor(self) -> str | None:
        """Where the next page begins."""
        return self._cursor

    def __iter__(self) -> Self:
        self.index = -1
        return self

    def __next__(self) -> T:
        self.index += 1
        while len(self.objects) <= self.index:
            if not self._load_page():
                raise StopIteration
        return self.objects[self.index]

    def next(self) -> T:
        """The next object. Raises StopIteration after the last."""
        return self.__next__()

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        ends = (index.start or 0, index.stop) if isinstance(index, slice) else (index,)
        # A place from the end on is known when all are.
        stop = None if any(end is None or end < 0 for end in ends) else ends[-1]
        while (stop is None or stop >= len(self.objects)) and self._load_page():
            pass
        return self.objects[index]

    def _load_page(self) -> bool:
        if not self._has_more:
            return False
        page = self._read_page(self._cursor)
        edges = page["edges"]
        self._has_more = bool(page["pageInfo"]["hasNextPage"]) and bool(edges)
        self._cursor = edges[-1]["cursor"] if edges else self._cursor
        if page.get("totalCount") is not None:
            self._total = int(page["totalCount"])
        self.objects.extend(found for found in map(self._convert, edges) if found is not None)
        return True


class SizedPages(Pages[T]):
    """Pages of which the server says how many objects there are in all."""

    def __len__(self) -> int:
        if self._total is None:
            self._load_page()
        return self._total if self._total is not None else len(self.objects)
