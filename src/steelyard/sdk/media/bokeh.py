"""Charts of bokeh."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.libraries import load_library
from steelyard.sdk.media.media import PATHS, Media, encode_json, full_type_name


class Bokeh(Media):
    """A chart of bokeh.

    Args:
        data_or_path: a model or document of bokeh, or the path of one that was saved as JSON.
    """

    _log_type = "bokeh-file"
    _media_dir = "media/bokeh"

    def __init__(self, data_or_path: Any) -> None:
        super().__init__()
        if isinstance(data_or_path, PATHS):
            path = os.fspath(data_or_path)
            self._set_file(path)
            try:
                self.b_obj: Any = json.loads(Path(path).read_text(encoding="utf-8"))
            except ValueError as problem:
                raise Invalid(f"Bokeh: {path!r} is no JSON ({problem})") from None
            self._extension = ".bokeh.json"
            return
        if not full_type_name(data_or_path).startswith("bokeh."):
            raise WrongType(
                f"Bokeh takes a model or document of bokeh, or a path, not a "
                f"{full_type_name(data_or_path)}"
            )
        library = load_library("bokeh.document", "a chart of bokeh", package="bokeh")
        document = data_or_path
        if not isinstance(document, library.Document):
            document = library.Document()
            document.add_root(data_or_path)
        self.b_obj = document
        content = _describe(document)
        roots = content.get("roots")
        if isinstance(roots, dict) and "references" in roots:
            roots["references"].sort(key=lambda each: each["id"])
        self._set_content(encode_json(content), ".bokeh.json")


def _describe(document: Any) -> Any:
    try:
        return document.to_json(deferred=False)  # from bokeh 3.9 on
    except TypeError:
        return document.to_json()
