"""A real S3 server for the tests: moto's, in a process of its own, that keeps all in memory."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
import urllib3

from steelyard.server.blobs.place import S3Place

START_TIMEOUT_S = 60


class S3Server:
    """Start it before use; after `kill`, `start` brings an empty one back at the same address.

    With `is_strict`, it lets nobody in once a bucket was made.
    """

    def __init__(self, directory: Path, *, is_strict: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "s3.log"
        self._names = itertools.count()
        self._is_strict = is_strict
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        assert self._process is None
        free_calls = {"INITIAL_NO_AUTH_ACTION_COUNT": "1"} if self._is_strict else {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=log,
                stderr=log,
                env={**os.environ, **free_calls},
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                urllib3.request("GET", f"{self.url}/moto-api/", retries=False, timeout=5).close()
                return
            except urllib3.exceptions.HTTPError:
                assert self._process.poll() is None and time.monotonic() < deadline, (
                    self.log.read_text()
                )
                time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def make_place(self, **changes: Any) -> S3Place:
        """A bucket of its own."""
        bucket = f"bucket-{next(self._names)}"
        self.make_bucket(bucket)
        return self.place_of(bucket, **changes)

    def place_of(self, bucket: str, **changes: Any) -> S3Place:
        said = {"access_key_id": "AKIATEST", "secret_access_key": "secret", "prefix": "team/one"}
        return S3Place(bucket=bucket, endpoint=self.url, **{**said, **changes})

    def make_bucket(self, bucket: str) -> None:
        self.client().create_bucket(Bucket=bucket)

    def list_names(self, place: S3Place) -> list[str]:
        """Names of all objects of the bucket, by a client that is not ours."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=place.bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
