"""Media that are files: what images, sounds, films and the others have in common."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from steelyard.errors import Invalid, WrongType
from steelyard.limits import MEDIA_HASH_CHARS
from steelyard.sdk.media.libraries import is_array
from steelyard.sdk.media.places import (
    check_file,
    is_reference,
    is_run,
    name_in_run,
    new_scratch_file,
    put_into_run,
)
from steelyard.sdk.media.value import WBValue
from steelyard.sdk.values import clean_text, plain

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

PATHS: Final = (str, os.PathLike)


class Media(WBValue):
    """A value whose content is a file, kept beside the run or in an artifact."""

    _media_dir: ClassVar[str] = "media"

    def __init__(self, caption: str | None = None) -> None:
        self._caption: str | None = check_caption(caption, type(self).__name__)
        self._path: str | None = None
        self._run: Run | None = None
        self._is_tmp: bool = False
        self._extension: str | None = None
        self._sha256: str | None = None
        self._size: int | None = None

    # ---- the file

    def _set_file(self, path: str, is_tmp: bool = False, extension: str | None = None) -> None:
        """Take a file on this machine as the content. It is read in pieces, however long it is."""
        check_file(path, type(self).__name__)
        if extension is not None and not path.endswith(extension):
            raise Invalid(f"{type(self).__name__} takes a file that ends in {extension}: {path!r}")
        import hashlib

        with open(path, "rb") as file:  # noqa: PTH123
            self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self._size = os.fstat(file.fileno()).st_size
        self._path, self._is_tmp, self._extension = path, is_tmp, extension

    def _set_content(self, content: bytes, extension: str) -> None:
        """Take bytes as the content; they are written to a file of ours."""
        import hashlib

        path = new_scratch_file(extension)
        Path(path).write_bytes(content)
        self._sha256, self._size = hashlib.sha256(content).hexdigest(), len(content)
        self._path, self._is_tmp, self._extension = path, True, extension

    def _set_reference(self, address: str) -> None:
        """Take the address of something elsewhere; an artifact can refer to it, a run cannot."""
        import hashlib

        self._path, self._is_tmp = address, False
        self._sha256 = hashlib.sha256(address.encode()).hexdigest()

    @staticmethod
    def path_is_reference(path: object) -> bool:
        """Whether it is an address of S3, Google Cloud or the web."""
        return is_reference(path)

    @classmethod
    def get_media_subdir(cls) -> str:
        """The directory of such files below those of the run."""
        return cls._media_dir

    def is_bound(self) -> bool:
        """Whether the file is part of a run."""
        return self._run is not None

    def file_is_set(self) -> bool:
        return self._path is not None and self._sha256 is not None

    # ---- in a run

    def bind_to_run(
        self,
        run: Run,
        key: int | str,
        step: int | str,
        id_: int | str | None = None,
        ignore_copy_err: bool | None = None,
    ) -> None:
        """Make the file part of the run, under a name made of the key, the step and the content."""
        if is_reference(self._path):
            raise Invalid(
                f"{key!r}: {type(self).__name__}({self._path!r}) is only referred to, which a run "
                "cannot; add it to an artifact, or download the file and log that"
            )
        assert self._path is not None and self._sha256 is not None
        self._run = run
        if run.folder is None:  # a disabled run keeps nothing
            return
        extension = self._extension or os.path.splitext(self._path)[1]  # noqa: PTH122
        hash_ = str(id_ if id_ is not None else self._sha256[:MEDIA_HASH_CHARS])
        name = f"{self.get_media_subdir()}/{name_in_run(key, step, hash_, clean_text(extension))}"
        if self._path == str(run.folder.files_dir.absolute() / name):
            return
        self._path = put_into_run(run, self._path, name, is_ours=self._is_tmp)
        self._is_tmp = False

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        """The JSON of this value: in a run, once it is bound to it; in an artifact, with its file.

        Source: wandb 0.31.0 sdk/data_types/base_types/media.py Media.to_json.
        """
        found: dict[str, Any] = {}
        if self._caption is not None:
            found["caption"] = self._caption
        if is_run(run_or_artifact):
            found |= self._json_in_run(run_or_artifact)
        elif self.file_is_set():
            found["path"] = self._add_to_artifact(run_or_artifact)
            found["sha256"] = self._sha256
        found["_type"] = self._log_type
        return found

    def _json_in_run(self, run: Run) -> dict[str, Any]:
        found: dict[str, Any] = {"sha256": self._sha256, "size": self._size}
        address = self._get_artifact_entry_ref_url()
        if address is not None:
            found["artifact_path"] = address
        latest = self._get_artifact_entry_latest_ref_url()
        if latest is not None:
            found["_latest_artifact_path"] = latest
        if address is None or self.is_bound():
            if self._run is not run:
                raise Invalid(
                    f"a {type(self).__name__} belongs to one run: make a new one for run {run.id!r}"
                )
            if run.folder is not None and self._path is not None:
                found["path"] = os.path.relpath(self._path, run.folder.files_dir.absolute())
        return found

    def _add_to_artifact(self, artifact: Any) -> str:
        """Put the file into the artifact. Returns its name there."""
        assert self._path is not None and self._sha256 is not None
        known = artifact.get_added_local_path_name(self._path)
        if known is not None:
            return str(known)
        base = os.path.basename(self._path)  # noqa: PTH119
        hash_ = self._sha256[:MEDIA_HASH_CHARS]
        if self._is_tmp:  # the same content has the same name, so that it is no new version
            extension = self._extension or os.path.splitext(self._path)[1]  # noqa: PTH122
            name = f"{self.get_media_subdir()}/{hash_}{extension}"
        else:
            name = f"{self.get_media_subdir()}/{hash_}/{clean_text(base)}"
        source = self._artifact_source
        if source is not None and source.artifact is not artifact:
            found = source.artifact._local_path_to_name(self._path)
            if found is not None:
                entry = source.artifact.get_entry(found)
                artifact.add_reference(entry.ref_url(), name=found)
                return str(found)
        if is_reference(self._path):
            artifact.add_reference(self._path, name=name)
            return name
        return str(artifact.add_file(self._path, name=name, is_tmp=self._is_tmp).path)

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Any:
        """The value that an artifact holds as this JSON; its file is downloaded."""
        path = str(source_artifact.get_entry(json_obj["path"]).download())
        return cls(path, **_caption_of(cls, json_obj))

    @staticmethod
    def captions(media_items: Sequence[Media]) -> bool | Sequence[str | None]:
        """The captions of all, or False when the first has none."""
        if media_items[0]._caption is None:
            return False
        return [item._caption for item in media_items]

    def __eq__(self, other: object) -> bool:
        """Whether the contents are the same."""
        if not isinstance(other, type(self)):
            return False
        return self is other or (self._sha256 is not None and self._sha256 == other._sha256)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        caption = "" if self._caption is None else f" {self._caption!r}"
        return f"<{type(self).__name__}{caption} of {self._size} bytes>"


class BatchableMedia(Media):
    """Media of which several make one value of a row."""

    MAX_ITEMS: ClassVar[int | None] = None

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """The JSON of a list of such, which are bound to the run."""
        raise NotImplementedError


def check_caption(caption: object, what: str) -> str | None:
    """The caption as text that UTF-8 has bytes for."""
    if caption is None or isinstance(caption, str):
        return None if caption is None else clean_text(str.__str__(caption))
    if isinstance(caption, int | float) or hasattr(caption, "item"):
        return str(caption)
    raise WrongType(f"the caption of {what} is text, not a {type(caption).__name__}")


def _caption_of(cls: type[Media], json_obj: dict[str, Any]) -> dict[str, Any]:
    import inspect

    if "caption" in inspect.signature(cls).parameters:
        return {"caption": json_obj.get("caption")}
    return {}


def full_type_name(value: object) -> str:
    """`torch.Tensor`; for a module its own name, so that `pyplot` is `matplotlib.pyplot`."""
    import types

    if isinstance(value, types.ModuleType):
        return value.__name__
    kind = type(value)
    return f"{kind.__module__}.{kind.__name__}"


def encode_json(value: Any) -> bytes:
    """Compact JSON; NaN and the infinities as `json` writes them.

    Source: wandb 0.31.0 sdk/lib/json_util.py: no spaces, UTF-8, constants for NaN.
    """
    import json

    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain_json)
    return text.encode("utf-8", "backslashreplace")


def _plain_json(value: Any) -> Any:
    """What JSON has no form for: arrays, dates and the like, as in a row."""
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")  # as the official client writes UTC
    if hasattr(value, "tolist"):
        return value.tolist()
    return plain(value, key="a value", use="config")


def lists_of(value: Any) -> Any:
    """The value with arrays as lists. Source: wandb 0.31.0 …/media.py _numpy_arrays_to_lists."""
    if isinstance(value, dict):
        return {key: lists_of(item) for key, item in value.items()}
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, Sequence):
        return [lists_of(item) for item in value]
    if is_array(value):
        found = value.tolist()
        return lists_of(found if value.ndim > 0 else [found])
    if isinstance(value, Media):
        return type(value).__name__
    return value
