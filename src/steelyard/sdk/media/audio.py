"""Sounds."""

from __future__ import annotations

import io
import os
import wave
from array import array
from collections.abc import Sequence
from typing import Any

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.media import PATHS, BatchableMedia
from steelyard.sdk.media.places import is_reference

_LOUDEST = 0x7FFFFFFF  # of 32 bits, of which the upper 16 are kept


class Audio(BatchableMedia):
    """A sound to be logged.

    Args:
        data_or_path: a path, or samples: one row per moment for several channels. Floats go from
            -1 to 1 and are cut there; whole numbers are those of 16 bits.
        sample_rate: samples per second; needed for samples.
        caption: text beside it.

    Samples are written as WAV with 16 bits, as the official client does it.
    """

    _log_type = "audio-file"
    _media_dir = "media/audio"

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        super().__init__(caption)
        self._duration: float | None = None
        self._sample_rate: int | None = sample_rate
        if is_reference(data_or_path):
            self._set_reference(data_or_path)
        elif isinstance(data_or_path, PATHS):
            self._set_file(os.fspath(data_or_path))
        else:
            rate = _check_rate(sample_rate)
            content, count = encode_wav(data_or_path, rate)
            self._duration = count / rate
            self._set_content(content, ".wav")

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Audio:
        path = str(source_artifact.get_entry(json_obj["path"]).download())
        return cls(path, caption=json_obj.get("caption"))

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """Source: wandb 0.31.0 sdk/data_types/audio.py Audio.seq_to_json."""
        found: dict[str, Any] = {
            "_type": "audio",
            "count": len(seq),
            "audio": [sound.to_json(run) for sound in seq],
            "sampleRates": cls.sample_rates(seq),
            "durations": cls.durations(seq),
        }
        captions = cls.captions(seq)
        if captions:
            found["captions"] = captions
        return found

    @classmethod
    def durations(cls, audio_list: Sequence[Any]) -> list[float | None]:
        """Seconds of each; None for files, which are not read."""
        return [sound._duration for sound in audio_list]

    @classmethod
    def sample_rates(cls, audio_list: Sequence[Any]) -> list[int | None]:
        return [sound._sample_rate for sound in audio_list]

    @staticmethod
    def captions(media_items: Sequence[Any]) -> bool | Sequence[str | None]:
        """The captions, "" for those without; False when there is none at all."""
        found = [sound._caption for sound in media_items]
        return any(each is not None for each in found) and [each or "" for each in found]

    def resolve_ref(self) -> str | None:
        """The address that this sound is at, if it is only referred to."""
        if is_reference(self._path):
            return self._path
        source = self._artifact_source
        name = source.artifact._local_path_to_name(self._path) if source is not None else None
        if source is None or name is None:
            return None
        address: str | None = source.artifact.get_entry(name).ref
        return address

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Audio)
            and self._caption == other._caption
            and self._sha256 == other._sha256
        )

    def __hash__(self) -> int:
        return object.__hash__(self)


def _check_rate(rate: Any) -> int:
    if rate is None:
        raise Invalid("Audio of samples needs sample_rate=, how many there are in a second")
    if isinstance(rate, bool) or not (hasattr(rate, "__index__") or isinstance(rate, float)):
        raise WrongType(f"sample_rate is a whole number, not {rate!r}")
    if not 0 < rate < 2**31 or rate != int(rate):
        raise Invalid(f"sample_rate is a whole number above 0, not {rate!r}")
    return int(rate)


def encode_wav(samples: Any, rate: int) -> tuple[bytes, int]:
    """(WAV of 16 bits, number of moments) of samples in one row, or rows of one per channel.

    Floats from -1 to 1 become 32 bits, of which the upper 16 are kept; beyond they are cut. Of
    int32 the upper 16 bits are kept, other whole numbers are taken as samples of 16 bits.
    Source: libsndfile 1.2 src/pcm.c d2les_clip_array, f2les_clip_array, i2les_array, which the
    official client writes with.
    """
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu().numpy()
    data, count, channels = (
        _samples_of_array(samples) if hasattr(samples, "astype") else _samples_of_lists(samples)
    )
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data)
    return buffer.getvalue(), count


def _samples_of_array(samples: Any) -> tuple[bytes, int, int]:
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 0 < samples.shape[1] <= 1024):
        raise _wrong_shape(tuple(samples.shape))
    kind, width = samples.dtype.kind, samples.dtype.itemsize
    if kind == "f":
        # In single precision the factor is 2**31; both are exact from there on.
        loudest = float(_LOUDEST + 1 if width <= 4 else _LOUDEST)
        loud = samples.astype("float64") * loudest
        loud[loud != loud] = 0  # NaN is silence
        whole = loud.clip(-_LOUDEST - 1, _LOUDEST).round().astype("int64") >> 16
    elif kind == "i" or (kind == "u" and width > 1):
        whole = samples >> 16 if kind == "i" and width == 4 else samples
    else:
        raise WrongType(f"samples of a sound are floats or whole numbers, not {samples.dtype}")
    data = whole.clip(-32768, 32767).astype("<i2").tobytes()
    return data, samples.shape[0], 1 if samples.ndim == 1 else samples.shape[1]


def _samples_of_lists(samples: Any) -> tuple[bytes, int, int]:
    if isinstance(samples, str | bytes) or not isinstance(samples, Sequence):
        raise WrongType(
            f"Audio takes a path, or samples as an array or a list, not a {type(samples).__name__}"
        )
    channels = 1
    flat: Sequence[Any] = samples
    if samples and isinstance(samples[0], Sequence):
        channels = len(samples[0])
        if not channels or any(len(moment) != channels for moment in samples):
            raise Invalid(f"each moment of the sound has {channels} numbers, one per channel")
        flat = [each for moment in samples for each in moment]
    found = array("h")
    try:
        for each in flat:
            if isinstance(each, float):
                each = max(-_LOUDEST - 1, min(_LOUDEST, round(each * _LOUDEST))) >> 16
            found.append(max(-32768, min(32767, int(each))))
    except (TypeError, ValueError, OverflowError) as problem:
        raise Invalid(f"a sound is made of finite numbers: {problem}") from None
    if array("h", [1]).tobytes() != b"\1\0":
        found.byteswap()
    return found.tobytes(), len(samples), channels


def _wrong_shape(shape: tuple[int, ...]) -> Invalid:
    return Invalid(
        f"an array of shape {list(shape)} is no sound: it has one row of samples, or one row per "
        "moment with a number per channel"
    )
