"""Build hook: no wheel without the web UI, which would install and then show nothing."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB_PAGE = "src/steelyard/server/static/index.html"


class RequireWebPage(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and not (Path(self.root) / WEB_PAGE).is_file():
            raise RuntimeError(f"{WEB_PAGE} is missing: run `make web` first (needs Node and npm)")
