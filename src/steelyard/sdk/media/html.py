"""Pages of HTML."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.media import BatchableMedia

#: Links open beside the page that shows it. The style sheet of the official client is left out:
#: a page of yours asks no server of others.
_HEAD: Final = '<base target="_blank">'


class Html(BatchableMedia):
    """A page to be logged. It is shown in a frame that can reach nothing of yours.

    Args:
        data: HTML; a path of a file that ends in .html; or an open text file.
        inject: have links open in a new tab. Otherwise the page stays as it is.
        data_is_not_path: take text as HTML even if a file of that name exists.
    """

    _log_type = "html-file"
    _media_dir = "media/html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        super().__init__()
        path = None if data_is_not_path else _path_of(data)
        if path is not None:
            try:
                self.html: str = Path(path).read_text(encoding="utf-8")
            except UnicodeDecodeError as problem:
                raise Invalid(f"Html: {path!r} is not in UTF-8 ({problem})") from None
        elif isinstance(data, str):
            self.html = data
        elif hasattr(data, "read"):
            if hasattr(data, "seek"):
                data.seek(0)
            content = data.read()
            self.html = content.decode() if isinstance(content, bytes) else content
        else:
            raise WrongType(f"Html takes text, a path or an open file, not a {type(data).__name__}")
        if inject:
            self.inject_head()
        if path is not None and not inject:
            self._set_file(path)
        else:
            self._set_content(self.html.encode("utf-8", "backslashreplace"), ".html")

    def inject_head(self) -> None:
        """Have links open in a new tab, by a line at the beginning of the head."""
        before, head, after = self.html.partition("<head>")
        if head:
            self.html = f"{before}<head>{_HEAD}{after}".strip()
            return
        before, begin, after = self.html.partition("<html>")
        if begin:
            self.html = f"{before}<html><head>{_HEAD}</head>{after}".strip()
        else:
            self.html = f"{_HEAD}{self.html}".strip()

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Html:
        return cls(Path(source_artifact.get_entry(json_obj["path"]).download()), inject=False)

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """Source: wandb 0.31.0 sdk/data_types/html.py Html.seq_to_json."""
        return {"_type": "html", "count": len(seq), "html": [page.to_json(run) for page in seq]}


def _path_of(data: Any) -> str | None:
    """The path, if it is one of a file of HTML."""
    if isinstance(data, os.PathLike):
        return str(os.fspath(data))
    if not isinstance(data, str) or not data.endswith(".html") or "\0" in data or "\n" in data:
        return None
    try:
        return data if Path(data).is_file() else None
    except OSError:  # too long for a name
        return None
