"""localhost:PORT → host:port, for the client's tests insist on the host name localhost."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Forwarder(threading.Thread):
    """Forwards connections to another machine until the process ends."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True)
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            try:
                upstream = socket.create_connection(self._target, timeout=10)
                upstream.settimeout(None)
            except OSError:
                client.close()
                continue
            for source, sink in ((client, upstream), (upstream, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def find_local_port(base_url: str) -> int:
    """The port of localhost at which this server answers, through a forwarder if need be."""
    url = urlsplit(base_url)
    if url.scheme != "http" or url.path.strip("/"):
        raise SystemExit("--base-url must be http://host:port without a path")
    port = url.port or 80
    if url.hostname in ("localhost", "127.0.0.1", "::1"):
        return port
    forwarder = Forwarder(url.hostname or "", port)
    forwarder.start()
    return forwarder.port


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
