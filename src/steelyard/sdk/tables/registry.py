"""Which type stands for which class of values, and which has which name.

Classes of libraries are recognised by module and name, so that none is loaded.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from importlib import import_module
from math import isnan
from typing import Any, Final

from steelyard.sdk.media.libraries import is_array
from steelyard.sdk.tables import types
from steelyard.sdk.tables.types import Type

ARTIFACT_ADDRESS: Final = "wandb-artifact://"

_SCALARS: Final[dict[type, Type]] = {
    int: types.NUMBER,
    float: types.NUMBER,
    str: types.STRING,
    bool: types.BOOLEAN,
    type(None): types.NONE,
    datetime.datetime: types.TIMESTAMP,
    datetime.date: types.TIMESTAMP,
}
_LISTS: Final = (list, tuple, set, frozenset)
#: Classes of numpy, by the letter of what they hold, and what stands for them.
_NUMPY_KINDS: Final = {
    **dict.fromkeys("iufc", types.NUMBER),
    "b": types.BOOLEAN,
    "M": types.TIMESTAMP,
}
_MEDIA: Final = "steelyard.sdk.tables.media_types"
#: Class of a value → (module, class) of its type. Source: wandb 0.31.0 sdk/data_types/*.py.
_OF_MEDIA: Final = {
    "Audio": "AudioFileType",
    "Bokeh": "BokehFileType",
    "Classes": "ClassesIdType",
    "Html": "HtmlFileType",
    "Image": "ImageFileType",
    "JoinedTable": "JoinedTableType",
    "Object3D": "Object3DFileType",
    "PartitionedTable": "PartitionedTableType",
    "Table": "TableType",
    "TableKey": "ForeignKeyType",
    "TableIndex": "ForeignIndexType",
    "Video": "VideoFileType",
}
_CLASSES: Final[tuple[type[Type], ...]] = (
    *(types.InvalidType, types.AnyType, types.UnknownType, types.NoneType, types.StringType),
    *(types.NumberType, types.TimestampType, types.BooleanType, types.PythonObjectType),
    *(types.ConstType, types.UnionType, types.ListType, types.NDArrayType),
    *(types.TypedDictType, types.ArtifactVersionType),
)
#: Name in JSON → class, those of old tables too.
_NAMED: Final[dict[str, type[Type]]] = {
    **{each.name: each for each in _CLASSES},
    "object": types.PythonObjectType,
    "dictionary": types.TypedDictType,
}
_NAMED_MEDIA: Final = {
    "audio-file": "AudioFileType",
    "bokeh-file": "BokehFileType",
    "classesId": "ClassesIdType",
    "foreignIndex": "ForeignIndexType",
    "foreignKey": "ForeignKeyType",
    "html-file": "HtmlFileType",
    "image-file": "ImageFileType",
    "joined-table": "JoinedTableType",
    "object3D-file": "Object3DFileType",
    "partitioned-table": "PartitionedTableType",
    "primaryKey": "PrimaryKeyType",
    "table": "TableType",
    "video-file": "VideoFileType",
    "wandb.Classes_id": "ClassesIdType",
    "wandb.Image": "ImageFileType",
    "wandb.Table": "TableType",
    "wandb.TableForeignIndex": "ForeignIndexType",
    "wandb.TableForeignKey": "ForeignKeyType",
    "wandb.TablePrimaryKey": "PrimaryKeyType",
}


def find_type_of(value: Any) -> Type:
    """The type of a value. NaN counts as None, as in data frames."""
    kind = type(value)
    if kind is float:
        return types.NONE if isnan(value) else types.NUMBER
    if kind is str:
        return types.ArtifactVersionType() if value.startswith(ARTIFACT_ADDRESS) else types.STRING
    found = _SCALARS.get(kind)
    if found is not None:
        return found
    if kind is dict:
        if value.get("_type") == "artifactVersion":
            return types.ArtifactVersionType()
        return types.TypedDictType({key: find_type_of(item) for key, item in value.items()})
    if kind in _LISTS:
        return types.ListType.from_obj(value)
    return _type_of_object(value, kind)


def _type_of_object(value: Any, kind: type) -> Type:
    scalar = type_of_numpy_class(kind)
    if scalar is not None:
        return scalar
    if is_array(value):
        return types.NDArrayType(value.shape)
    found = _find_media_type(kind)
    if found is not None:
        make: Callable[[Any], Type] = getattr(found, "from_obj", lambda _: found())
        return make(value)
    if kind.__name__ == "Artifact" and hasattr(value, "qualified_name"):
        return types.ArtifactVersionType()
    return types.PythonObjectType(kind.__name__)


def type_of_numpy_class(kind: type) -> Type | None:
    """What stands for a class of numpy's numbers; None for any other class."""
    if kind.__module__ != "numpy" or kind.__name__ == "ndarray":
        return None
    return _NUMPY_KINDS.get(_numpy_letter(kind))


def _numpy_letter(kind: type) -> str:
    from sys import modules

    numpy: Any = modules.get("numpy")  # it is loaded, or there were no such class
    try:
        letter: str = numpy.dtype(kind).kind
    except (TypeError, AttributeError):
        return ""
    return letter


def _find_media_type(kind: type) -> type[Type] | None:
    if not kind.__module__.startswith("steelyard."):
        return None
    name = _OF_MEDIA.get(kind.__name__)
    return getattr(import_module(_MEDIA), name) if name else None


def find_type_of_class(kind: type) -> Type:
    """The type that a class stands for, where a user names one for a column."""
    found = _SCALARS.get(kind) or type_of_numpy_class(kind)
    if found is not None:
        return found
    if kind is dict:
        return types.TypedDictType()
    if kind in _LISTS:
        return types.ListType()
    media = _find_media_type(kind)
    if media is not None:
        return media()
    return types.PythonObjectType(type(kind).__name__)


def find_type_named(name: object) -> type[Type] | None:
    """The class of a type's name in JSON."""
    if not isinstance(name, str):
        return None
    if name in _NAMED_MEDIA:
        found: type[Type] = getattr(import_module(_MEDIA), _NAMED_MEDIA[name])
        return found
    return _NAMED.get(name)
