"""Types of columns with media, of keys, and of tables in tables.

Source: wandb 0.31.0 sdk/data_types/{image,table,…}.py, for names, parameters and rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.tables.types import (
    INVALID,
    UNKNOWN,
    ConstType,
    InvalidType,
    NumberType,
    StringType,
    Type,
    TypedDictType,
    UnionType,
    UnknownType,
)

if TYPE_CHECKING:
    from steelyard.sdk.media.classes import Classes
    from steelyard.sdk.media.image import Image


class AudioFileType(Type):
    name = "audio-file"


class BokehFileType(Type):
    name = "bokeh-file"


class HtmlFileType(Type):
    name = "html-file"


class Object3DFileType(Type):
    name = "object3D-file"


class VideoFileType(Type):
    name = "video-file"


class JoinedTableType(Type):
    name = "joined-table"


class PartitionedTableType(Type):
    name = "partitioned-table"


class ImageFileType(Type):
    """Images; the parameters are all classes of the boxes and masks of a column."""

    name = "image-file"

    def __init__(
        self,
        box_layers: Any = None,
        box_score_keys: Any = None,
        mask_layers: Any = None,
        box_class_maps: Any = None,
        mask_class_maps: Any = None,
        class_map: Any = None,
        **ignored: Any,
    ) -> None:
        self.params: dict[str, Any] = {
            "box_layers": ConstType(_sets(box_layers)),
            "box_score_keys": ConstType(set(_value_of(box_score_keys) or ())),
            "mask_layers": ConstType(_sets(mask_layers)),
            "box_class_maps": ConstType(_texts(box_class_maps)),
            "mask_class_maps": ConstType(_texts(mask_class_maps)),
            "class_map": ConstType(dict(_value_of(class_map) or {})),
        }

    def assign_type(self, wb_type: Type) -> Type:
        """Both together: of the same number the first name counts."""
        if not isinstance(wb_type, ImageFileType):
            return INVALID
        if self.params == wb_type.params:
            return self
        own, other = _values_of(self), _values_of(wb_type)
        return ImageFileType(
            _merge_sets(own["box_layers"], other["box_layers"]),
            own["box_score_keys"] | other["box_score_keys"],
            _merge_sets(own["mask_layers"], other["mask_layers"]),
            _merge_maps(own["box_class_maps"], other["box_class_maps"]),
            _merge_maps(own["mask_class_maps"], other["mask_class_maps"]),
            {**_texts_of(other["class_map"]), **_texts_of(own["class_map"])},
        )

    @classmethod
    def from_obj(cls, py_obj: Image) -> ImageFileType:
        boxes, masks = py_obj._boxes or {}, py_obj._masks or {}
        box_labels = {str(key): each._class_labels for key, each in boxes.items()}
        mask_labels = {str(key): each.class_labels for key, each in masks.items()}
        scores = {
            name for each in boxes.values() for box in each._val for name in box.get("scores", {})
        }
        return cls(
            {key: set(labels) for key, labels in box_labels.items()},
            scores,
            {key: set(labels) for key, labels in mask_labels.items()},
            box_labels,
            {key: labels for key, labels in mask_labels.items() if labels},
            _texts_of(py_obj._classes.names()) if py_obj._classes is not None else {},
        )


def _value_of(given: Any) -> Any:
    return given.params["val"] if isinstance(given, ConstType) else given


def _values_of(found: Type) -> dict[str, Any]:
    return {key: each.params["val"] for key, each in found.params.items()}


def _sets(given: Any) -> dict[str, set[Any]]:
    return {key: set(each) for key, each in (_value_of(given) or {}).items()}


def _texts_of(names: Mapping[Any, str]) -> dict[str, str]:
    return {str(key): name for key, name in names.items()}


def _texts(given: Any) -> dict[str, dict[str, str]]:
    return {str(key): _texts_of(names) for key, names in (_value_of(given) or {}).items()}


def _merge_sets(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, set[Any]]:
    return {str(key): set(own.get(key, ())) | set(other.get(key, ())) for key in (*own, *other)}


def _merge_maps(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {str(key): {**other.get(key, {}), **own.get(key, {})} for key in (*own, *other)}


class ClassesIdType(Type):
    """The id of one of some classes."""

    name = "classesId"

    def __init__(self, classes_obj: Classes | None = None, valid_ids: Any = None) -> None:
        from steelyard.sdk.media.classes import Classes

        if classes_obj is None:
            given = (
                valid_ids.params["allowed_types"]
                if isinstance(valid_ids, UnionType)
                else [ConstType(each) for each in valid_ids or ()]
            )
            ids = [each.params["val"] for each in given]
            classes_obj = Classes([{"id": each, "name": str(each)} for each in ids])
        elif not isinstance(classes_obj, Classes):
            raise WrongType(f"a column of classes needs Classes, not {classes_obj!r:.100}")
        self.classes: Classes = classes_obj
        ids = [each["id"] for each in classes_obj._class_set]
        self.params: dict[str, Any] = {"valid_ids": UnionType([ConstType(each) for each in ids])}

    @classmethod
    def from_obj(cls, py_obj: Any) -> ClassesIdType:
        return cls(py_obj)

    def assign(self, py_obj: Any = None) -> Type:
        return self.assign_type(ConstType(py_obj))

    def assign_type(self, wb_type: Type) -> Type:
        if isinstance(wb_type, ClassesIdType):
            return self if wb_type.params == self.params else INVALID
        found = self.params["valid_ids"].assign_type(wb_type)
        return INVALID if isinstance(found, InvalidType) else self

    def to_json(self, artifact: Any = None) -> dict[str, Any]:
        found = super().to_json(artifact)
        if artifact is None:
            classes = self.classes.to_json(None)
        else:
            entry = artifact.add(self.classes, "media/cls")
            classes = {"type": "classes-file", "path": entry.path, "digest": entry.digest}
        found.setdefault("params", {})["classes_obj"] = classes
        return found

    @classmethod
    def from_json(cls, json_dict: Mapping[str, Any], artifact: Any = None) -> Type:
        from steelyard.sdk.media.classes import Classes

        given = json_dict["params"]["classes_obj"]
        if given.get("type") != "classes-file":
            return cls(Classes.from_json(given, artifact))
        if artifact is None:
            raise Invalid("a column of classes is read with the artifact that holds them")
        return cls(artifact.get(given["path"]))


class TableType(Type):
    name = "table"

    def __init__(self, column_types: Any = None) -> None:
        if column_types is None:
            column_types = UNKNOWN
        elif isinstance(column_types, dict):
            column_types = TypedDictType(column_types)
        if not isinstance(column_types, TypedDictType | UnknownType):
            raise WrongType(f"column_types is a dict of types, not {column_types!r:.100}")
        self.params: dict[str, Any] = {"column_types": column_types}

    def assign_type(self, wb_type: Type) -> Type:
        if not isinstance(wb_type, TableType):
            return INVALID
        found = self.params["column_types"].assign_type(wb_type.params["column_types"])
        return INVALID if isinstance(found, InvalidType) else TableType(found)

    @classmethod
    def from_obj(cls, py_obj: Any) -> TableType:
        return cls(py_obj._column_types)


class PrimaryKeyType(Type):
    """Text that names a row."""

    name = "primaryKey"

    def assign_type(self, wb_type: Type) -> Type:
        is_key = isinstance(wb_type, StringType | PrimaryKeyType | ForeignKeyType)
        return self if is_key else INVALID


class ForeignKeyType(Type):
    """Text that names a row of another table."""

    name = "foreignKey"

    def __init__(self, table: Any, col_name: str) -> None:
        if not isinstance(col_name, str) or col_name not in table.columns:
            raise Invalid(f"the other table has no column {col_name!r}; it has {table.columns}")
        self.params: dict[str, Any] = {"table": table, "col_name": col_name}

    def assign_type(self, wb_type: Type) -> Type:
        is_same = (
            isinstance(wb_type, ForeignKeyType)
            and wb_type.params["table"] is self.params["table"]
            and wb_type.params["col_name"] == self.params["col_name"]
        )
        return self if is_same or isinstance(wb_type, StringType) else INVALID

    @classmethod
    def from_obj(cls, py_obj: Any) -> ForeignKeyType:
        return cls(py_obj._table, py_obj._col_name)

    def to_json(self, artifact: Any = None) -> dict[str, Any]:
        params = {**self.params, "table": _add_table(self.params["table"], artifact)}
        return {"wb_type": self.name, "params": params}

    @classmethod
    def from_json(cls, json_dict: Mapping[str, Any], artifact: Any = None) -> Type:
        params = json_dict["params"]
        return cls(_get_table(params["table"], artifact), params["col_name"])

    def __repr__(self) -> str:
        return f"Foreignkey({self.params['col_name']})"


class ForeignIndexType(Type):
    """The number of a row of another table."""

    name = "foreignIndex"

    def __init__(self, table: Any) -> None:
        self.params: dict[str, Any] = {"table": table}

    def assign_type(self, wb_type: Type) -> Type:
        is_same = (
            isinstance(wb_type, ForeignIndexType)
            and wb_type.params["table"] is self.params["table"]
        )
        return self if is_same or isinstance(wb_type, NumberType) else INVALID

    @classmethod
    def from_obj(cls, py_obj: Any) -> ForeignIndexType:
        return cls(py_obj._table)

    def to_json(self, artifact: Any = None) -> dict[str, Any]:
        table = _add_table(self.params["table"], artifact)
        return {"wb_type": self.name, "params": {"table": table}}

    @classmethod
    def from_json(cls, json_dict: Mapping[str, Any], artifact: Any = None) -> Type:
        return cls(_get_table(json_dict["params"]["table"], artifact))

    def __repr__(self) -> str:
        return "Foreignindex"


def _add_table(table: Any, artifact: Any) -> str:
    if artifact is None:
        raise Invalid("a table that refers to another is written into an artifact, with the other")
    from steelyard.sdk.journal.folder import make_writer_name

    return str(artifact.add(table, f"media/tables/t_{make_writer_name()}").path)


def _get_table(path: str, artifact: Any) -> Any:
    table = artifact.get(path) if artifact is not None else None
    if table is None:
        raise Invalid(f"a table refers to {path!r}, which is not in the artifact")
    return table
