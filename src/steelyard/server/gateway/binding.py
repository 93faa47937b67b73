"""The schema of schema.graphql with our resolvers on it. Built once, when the module is imported.

Resolvers are plain functions `(source, context, **arguments)`; a field without one is the attribute
or key of its source with the same name in snake_case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from steelyard.server.gateway.scalars import bind_scalars

Resolver = Callable[..., Any]
Resolvers = Mapping[str, Mapping[str, Resolver]]
#: Interface or union -> the name of the type that a source has.
TypeNames = Mapping[str, Callable[[Any], str]]

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    AnyInfo = GraphQLResolveInfo[Any]

SDL_PATH = Path(__file__).with_name("schema.graphql")


def make_schema(resolvers: Resolvers, type_names: TypeNames) -> GraphQLSchema:
    """The executable schema. `resolvers` is type name -> field name -> function.

    Raises AssertionError for a resolver of a type or field that the SDL does not have.
    """
    schema = build_schema(SDL_PATH.read_text(encoding="utf-8"))
    bind_scalars(schema)
    unknown = (set(resolvers) | set(type_names)) - set(schema.type_map)
    assert not unknown, f"resolvers of types that the SDL does not have: {sorted(unknown)}"
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                field.out_name = snake_case(name)
        elif isinstance(kind, GraphQLObjectType):
            _bind_type(kind, resolvers.get(kind.name, {}))
        elif isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            _bind_type_name(kind, type_names[kind.name])
    return schema


def snake_case(name: str) -> str:
    """entityName -> entity_name; runID -> run_id; rampIDType -> ramp_id_type."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z])(?=[a-z])", r"_\1\2", name).lower()


def _bind_type(kind: GraphQLObjectType, resolvers: Mapping[str, Resolver]) -> None:
    unknown = set(resolvers) - set(kind.fields)
    assert not unknown, f"resolvers of {kind.name} without a field: {sorted(unknown)}"
    for name, field in kind.fields.items():
        for argument_name, argument in field.args.items():
            _rename(argument, argument_name)
        _bind_field(field, name, resolvers.get(name))


def _bind_type_name(
    kind: GraphQLInterfaceType | GraphQLUnionType, name_of: Callable[[Any], str]
) -> None:
    def resolve_type(source: Any, _info: AnyInfo, _kind: Any) -> str:
        return name_of(source)

    kind.resolve_type = resolve_type


def _rename(argument: GraphQLArgument, name: str) -> None:
    argument.out_name = snake_case(name)


def _bind_field(field: GraphQLField, name: str, resolver: Resolver | None) -> None:
    if resolver is None:
        field.resolve = _attribute(snake_case(name))
        return

    def resolve(source: Any, info: AnyInfo, **arguments: Any) -> Any:
        return resolver(source, info.context, **arguments)

    field.resolve = resolve


def _attribute(name: str) -> Resolver:
    def resolve(source: Any, _info: AnyInfo, **_arguments: Any) -> Any:
        return source.get(name) if isinstance(source, dict) else getattr(source, name)

    return resolve
