"""Types of columns, in the form in which tables carry them: `{"wb_type": "number"}`.

A type takes a value by becoming another type (`assign`), or `InvalidType` if it cannot. Types do
not change, but for the path at which arrays were stored. Unions are sorted by their text.
Source: wandb 0.31.0 sdk/data_types/_dtypes.py, for names, parameters, text and rules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from steelyard.errors import WrongType
from steelyard.sdk.media.libraries import is_array


class Type:
    """The base of all types. `params` are what a type says besides its name."""

    name: ClassVar[str] = ""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def assign(self, py_obj: Any = None) -> Type:
        """The type that holds this value too."""
        return self.assign_type(type_of(py_obj))

    def assign_type(self, wb_type: Type) -> Type:
        """The type that holds values of that type too."""
        is_same = isinstance(wb_type, type(self)) and self.params == wb_type.params
        return self if is_same else INVALID

    def to_json(self, artifact: Any = None) -> dict[str, Any]:
        """The type as JSON; an artifact gets the files that some need."""
        params = _params_to_json(self.params, artifact)
        return {"wb_type": self.name, "params": params} if params else {"wb_type": self.name}

    @classmethod
    def from_json(cls, json_dict: Mapping[str, Any], artifact: Any = None) -> Type:
        """The type that `to_json` gave."""
        return cls(**_params_from_json(dict(json_dict.get("params") or {}), artifact))

    def explain(self, other: Any, depth: int = 0) -> str:
        """Why the value does not fit, in lines that are indented by `depth`."""
        gap = "\t" * depth
        if depth:
            return f"{gap}{type_of(other)} not assignable to {self}"
        return f"{gap}{other!r:.200} of type {type_of(other)} is not assignable to {self}"

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Type) and self.name == other.name and self.params == other.params
        )

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        inner = ", ".join(f"{key}:{value}" for key, value in self.params.items())
        return f"{self.name.capitalize()}({inner})" if inner else self.name.capitalize()


class InvalidType(Type):
    """What nothing can be assigned to."""

    name = "invalid"

    def assign_type(self, wb_type: Type) -> Type:
        return self


class AnyType(Type):
    """Anything but None."""

    name = "any"

    def assign_type(self, wb_type: Type) -> Type:
        return INVALID if isinstance(wb_type, NoneType | InvalidType) else self


class UnknownType(Type):
    """Becomes the type of the first value."""

    name = "unknown"

    def assign_type(self, wb_type: Type) -> Type:
        return INVALID if isinstance(wb_type, NoneType) else wb_type


class NoneType(Type):
    name = "none"


class StringType(Type):
    name = "string"


class NumberType(Type):
    name = "number"


class TimestampType(Type):
    name = "timestamp"


class BooleanType(Type):
    name = "boolean"


class ArtifactVersionType(Type):
    """A version of an artifact, or its address."""

    name = "artifactVersion"


class PythonObjectType(Type):
    """An object of a class that nothing else stands for."""

    name = "pythonObject"

    def __init__(self, class_name: str) -> None:
        self.params: dict[str, Any] = {"class_name": class_name}


class ConstType(Type):
    """One value, or any of a set of values."""

    name = "const"

    def __init__(self, val: Any = None, is_set: bool = False) -> None:
        if is_set or isinstance(val, set | frozenset):
            val, is_set = set(val), True
        self.params: dict[str, Any] = {"val": val, "is_set": is_set}

    def assign(self, py_obj: Any = None) -> Type:
        return self.assign_type(ConstType(py_obj))

    def __repr__(self) -> str:
        return str(self.params["val"])


class UnionType(Type):
    """One of several types."""

    name = "union"

    def __init__(self, allowed_types: Iterable[Any] | None = None) -> None:
        types = _flatten(type_from_dtype(each) for each in allowed_types or ())
        self.params: dict[str, Any] = {"allowed_types": sorted(types, key=str)}

    def assign(self, py_obj: Any = None) -> Type:
        return self._with(lambda allowed: allowed.assign(py_obj))

    def assign_type(self, wb_type: Type) -> Type:
        found: Type = self
        given = wb_type.params["allowed_types"] if isinstance(wb_type, UnionType) else [wb_type]
        for each in given:
            assert isinstance(found, UnionType)
            found = found._with(functools.partial(_assign_type, each))
            if found is INVALID:
                return INVALID
        return found

    def _with(self, assign: Callable[[Type], Type]) -> Type:
        """The first known type that takes it takes it; else an unknown one becomes what it is."""
        allowed: list[Type] = self.params["allowed_types"]
        known = [place for place, each in enumerate(allowed) if not isinstance(each, UnknownType)]
        unknown = [place for place, each in enumerate(allowed) if isinstance(each, UnknownType)]
        for place in (*known, *unknown[:1]):
            found = assign(allowed[place])
            if found is allowed[place]:
                return self
            if not isinstance(found, InvalidType):
                return UnionType([*allowed[:place], found, *allowed[place + 1 :]])
        return INVALID

    def explain(self, other: Any, depth: int = 0) -> str:
        parts = [each.explain(other, depth + 1) for each in self.params["allowed_types"]]
        gap = "\t" * depth
        return "\n".join([super().explain(other, depth), f"\n{gap}and\n".join(parts)])

    def __repr__(self) -> str:
        return " or ".join(map(str, self.params["allowed_types"]))


def _assign_type(given: Type, allowed: Type) -> Type:
    return allowed.assign_type(given)


def OptionalType(dtype: Any) -> UnionType:
    """That type, or None."""
    return UnionType([dtype, NONE])


class ListType(Type):
    """A list whose elements are of one type; `length` None means any."""

    name = "list"

    def __init__(self, element_type: Any = None, length: int | None = None) -> None:
        element = UNKNOWN if element_type is None else type_from_dtype(element_type)
        self.params: dict[str, Any] = {"element_type": element, "length": length}

    @classmethod
    def from_obj(cls, py_obj: Any) -> ListType:
        """The type of a list. Elements that do not fit together make its element invalid."""
        items = list(py_obj)
        element: Type = OptionalType(UNKNOWN) if any(item is None for item in items) else UNKNOWN
        for item in items:
            element = element.assign(item)
        return cls(element, len(items))

    def assign(self, py_obj: Any = None) -> Type:
        if not hasattr(py_obj, "__iter__"):
            return INVALID
        items = list(py_obj)
        element = self.params["element_type"]
        for item in items:
            element = element.assign(item)
            if isinstance(element, InvalidType):
                return INVALID
        return ListType(element, len(items))

    def assign_type(self, wb_type: Type) -> Type:
        if not isinstance(wb_type, ListType):
            return INVALID
        element = self.params["element_type"].assign_type(wb_type.params["element_type"])
        if isinstance(element, InvalidType):
            return INVALID
        length = self.params["length"]
        return ListType(element, length if length == wb_type.params["length"] else None)

    def __repr__(self) -> str:
        return f"{self.params['element_type']}[]"


class NDArrayType(Type):
    """An array of that shape; `serialization_path` says where all of a column are stored."""

    name = "ndarray"

    def __init__(
        self, shape: Sequence[int], serialization_path: dict[str, str] | None = None
    ) -> None:
        self.params: dict[str, Any] = {"shape": list(shape)}
        self.serialization_path = serialization_path

    def assign(self, py_obj: Any = None) -> Type:
        if is_array(py_obj):
            return self.assign_type(NDArrayType(py_obj.shape))
        if not isinstance(py_obj, list):
            return INVALID
        shape = []
        target: Any = py_obj
        while isinstance(target, list):
            shape.append(len(target))
            if not target:
                break
            target = target[0]
        return self.assign_type(NDArrayType(shape))

    def assign_type(self, wb_type: Type) -> Type:
        is_same = isinstance(wb_type, NDArrayType) and wb_type.params == self.params
        return self if is_same or isinstance(wb_type, ListType) else INVALID

    def to_json(self, artifact: Any = None) -> dict[str, Any]:
        return {
            "wb_type": self.name,
            "params": {**self.params, "serialization_path": self.serialization_path},
        }


class TypedDictType(Type):
    """A dict with a type for each key; other keys are not allowed."""

    name = "typedDict"

    def __init__(self, type_map: Mapping[Any, Any] | None = None) -> None:
        self.params: dict[str, Any] = {
            "type_map": {key: type_from_dtype(each) for key, each in (type_map or {}).items()}
        }

    @property
    def type_map(self) -> dict[Any, Type]:
        found: dict[Any, Type] = self.params["type_map"]
        return found

    def assign(self, py_obj: Any = None) -> Type:
        if not isinstance(py_obj, dict):
            return INVALID
        return self._with(py_obj, lambda own, key: own.assign(py_obj.get(key)))

    def assign_type(self, wb_type: Type) -> Type:
        if not isinstance(wb_type, TypedDictType):
            return INVALID
        other = wb_type.type_map
        return self._with(other, lambda own, key: own.assign_type(other.get(key, UNKNOWN)))

    def _with(self, keys: Mapping[Any, Any], assign: Callable[[Type, Any], Type]) -> Type:
        if not keys.keys() <= self.type_map.keys():
            return INVALID
        found = {key: assign(own, key) for key, own in self.type_map.items()}
        if any(isinstance(each, InvalidType) for each in found.values()):
            return INVALID
        return TypedDictType(found)

    def explain(self, other: Any, depth: int = 0) -> str:
        lines = [super().explain(other, depth)]
        gap = "\t" * depth
        if isinstance(other, dict):
            extra = [str(key) for key in other if key not in self.type_map]
            if extra:
                lines.append(f"{gap}Found extra keys: {','.join(extra)}")
            for key, own in self.type_map.items():
                value = other.get(key)
                if isinstance(own.assign(value), InvalidType):
                    lines += [f"{gap}Key '{key}':", own.explain(value, depth + 1)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self.type_map)


INVALID: Final = InvalidType()
UNKNOWN: Final = UnknownType()
NONE: Final = NoneType()
STRING: Final = StringType()
NUMBER: Final = NumberType()
BOOLEAN: Final = BooleanType()
TIMESTAMP: Final = TimestampType()


def _flatten(types: Iterable[Type]) -> list[Type]:
    found: list[Type] = []
    for each in types:
        found += each.params["allowed_types"] if isinstance(each, UnionType) else [each]
    return found


def _params_to_json(value: Any, artifact: Any) -> Any:
    if isinstance(value, Type):
        return value.to_json(artifact)
    if isinstance(value, dict):
        return {key: _params_to_json(item, artifact) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return [_params_to_json(item, artifact) for item in sorted(value, key=str)]
    if isinstance(value, list | tuple):
        return [_params_to_json(item, artifact) for item in value]
    return value


def _params_from_json(value: Any, artifact: Any) -> Any:
    if isinstance(value, dict):
        if "wb_type" in value:
            return type_from_json(value, artifact)
        return {key: _params_from_json(item, artifact) for key, item in value.items()}
    if isinstance(value, list):
        return [_params_from_json(item, artifact) for item in value]
    return value


def type_of(value: Any) -> Type:
    """The type of a value."""
    from steelyard.sdk.tables.registry import find_type_of

    return find_type_of(value)


def type_from_dtype(dtype: Any) -> Type:
    """The type that a user names: a class, a list or dict of such, a value, a type."""
    if isinstance(dtype, Type):
        return dtype
    if isinstance(dtype, type):
        from steelyard.sdk.tables.registry import find_type_of_class

        return dtype() if issubclass(dtype, Type) else find_type_of_class(dtype)
    if isinstance(dtype, list):
        if len(dtype) > 1:
            return UnionType(dtype)
        return ListType(dtype[0] if dtype else None)
    if isinstance(dtype, dict):
        return TypedDictType(dtype)
    return ConstType(dtype)


def type_from_json(json_dict: Mapping[str, Any], artifact: Any = None) -> Type:
    """The type that JSON describes. Raises WrongType for one that nobody knows."""
    from steelyard.sdk.tables.registry import find_type_named

    name = json_dict.get("wb_type")
    found = find_type_named(name)
    if found is None:
        raise WrongType(f"a table has a column of type {name!r}, which this version does not know")
    return found.from_json(json_dict, artifact)
