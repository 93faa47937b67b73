"""Charts of plotly, and of matplotlib where plotly can show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from steelyard.errors import Invalid, SteelyardError, WrongType
from steelyard.sdk.media import figures
from steelyard.sdk.media.image import Image
from steelyard.sdk.media.media import Media, encode_json, full_type_name, lists_of


class Plotly(Media):
    """A chart that people can zoom into.

    Args:
        val: a figure of plotly, or one of matplotlib that shows no pixels.
    """

    _log_type = "plotly-file"
    _media_dir = "media/plotly"

    def __init__(self, val: Any) -> None:
        super().__init__()
        if figures.is_matplotlib(val):
            if figures.contains_images(val):
                raise Invalid(
                    "plotly cannot show a matplotlib figure with pixels in it; log Image(figure)"
                )
            val = figures.to_plotly(val)
        elif not (figures.is_plotly(val) and hasattr(val, "to_plotly_json")):
            raise WrongType(
                f"Plotly takes a figure of plotly or matplotlib, not a {full_type_name(val)}"
            )
        self._set_content(encode_json(lists_of(val.to_plotly_json())), ".plotly.json")

    @classmethod
    def make_plot_media(cls, val: Any) -> Image | Plotly:
        """What a figure is logged as: a chart, or an image where that is not possible."""
        if not figures.is_matplotlib(val):
            return cls(val)
        if figures.contains_images(val):
            return Image(val)
        try:
            return cls(val)
        except SteelyardError:  # no plotly here, or more in the figure than it can show
            return Image(val)

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Plotly:
        path = str(source_artifact.get_entry(json_obj["path"]).download())
        json.loads(Path(path).read_text(encoding="utf-8"))
        found = cls.__new__(cls)
        Media.__init__(found, json_obj.get("caption"))
        found._set_file(path)
        return found
