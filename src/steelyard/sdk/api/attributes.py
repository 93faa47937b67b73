"""Facts of the server under the names that scripts use, and pages of a notebook."""

from __future__ import annotations

import json
from typing import Any


class Attributes:
    """Facts as GraphQL names them; what has no property of its own is found in either spelling.

    `run.createdAt` and `run.created_at` are one.
    """

    def __init__(self, attrs: dict[str, Any]) -> None:
        self._attrs: dict[str, Any] = dict(attrs)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            attrs = self.__dict__.get("_attrs", {})
            for spelling in (name, camel_case(name)):
                if spelling in attrs:
                    return attrs[spelling]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_html(self, height: int = 420, hidden: bool = False) -> str | None:
        """Nothing to show, unless a class says what."""
        return None

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show its page in a notebook; whether that was possible."""
        from steelyard.sdk.notebook import display_html, is_notebook

        html = self.to_html(height, hidden) if is_notebook() else None
        return display_html(html) if html is not None else False


def camel_case(name: str) -> str:
    """display_name → displayName."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def parse_object(text: Any) -> dict[str, Any]:
    """The object of a JSON text, of an object, or of nothing."""
    found = json.loads(text, strict=False) if isinstance(text, str) else text
    return dict(found) if isinstance(found, dict) else {}


def frame_html(url: str, *, height: int, hidden: bool, what: str) -> str:
    """A page in a frame; hidden, with a button that shows it."""
    style = f"border:none;width:100%;height:{height}px;"
    button = ""
    if hidden:
        style += "display:none;"
        click = "this.nextSibling.style.display='block';this.style.display='none';"
        button = f'<button onClick="{click}">Display {what}</button>'
    return f'{button}<iframe src="{url}?jupyter=true" style="{style}"></iframe>'
