"""The OpenAPI document of the REST API, made from the handlers without starting a server."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import msgspec

from steelyard.server.app import create_app, open_services
from steelyard.server.settings import ServerSettings


def describe_api() -> str:
    """The document as JSON text, in a stable order, so that it can be kept and compared."""
    with tempfile.TemporaryDirectory() as directory:
        services = open_services(ServerSettings(data_dir=Path(directory)))
        try:
            schema = create_app(services).openapi_schema.to_schema()
        finally:
            services.close()
    plain = msgspec.to_builtins(schema, enc_hook=str)
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
