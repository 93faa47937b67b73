"""The GraphQL documents of an installed official client, read from it at run time.

Its Python modules hold them as string constants, f-strings and `.format` calls over constants of
the same module; its Go binary holds them as plain text. Nothing of them is kept in this repository.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from graphql import DocumentNode, FragmentSpreadNode, GraphQLError, Visitor, parse, visit

OPERATION = re.compile(r"\b(?:query|mutation)\s+([A-Za-z_]\w*)\s*[({]")
BINARY_OPERATION = re.compile(rb"\n(?:query|mutation) [A-Za-z_]\w* [({]")
FRAGMENT = re.compile(r"\s*fragment \w+ on ")
LONGEST = 20_000
COMBINATIONS_MAX = 64


class ClientDocument(msgspec.Struct, frozen=True):
    """One text with the operation it is for, and where it was found."""

    operation: str
    text: str
    place: str


class Scope(msgspec.Struct, frozen=True):
    """Where names of an expression are looked up, and which way all its conditions go."""

    function: ast.AST
    module: ast.Module
    branch: bool


def list_documents(package: Path) -> list[ClientDocument]:
    """Every distinct document below the folder of the `wandb` package."""
    found = [
        ClientDocument(match.group(1), text, place)
        for place, text in itertools.chain(_in_modules(package), _in_binary(package))
        if (match := OPERATION.search(text)) is not None
    ]
    distinct = {(each.operation, " ".join(each.text.split())): each for each in found}
    return sorted(distinct.values(), key=lambda each: (each.operation, each.place))


# ---- the binary


def _in_binary(package: Path) -> Iterator[tuple[str, str]]:
    content = (package / "bin" / "wandb-core").read_bytes()
    for match in BINARY_OPERATION.finditer(content):
        start = match.start() + 1
        yield "wandb-core", _cut(content[start : start + LONGEST].decode("latin-1"))


def _cut(text: str) -> str:
    """The operation that the text begins with, and the fragments right behind it."""
    end = _end_of_definition(text, 0)
    while FRAGMENT.match(text, end):
        end = _end_of_definition(text, end)
    return text[:end]


def _end_of_definition(text: str, start: int) -> int:
    depth, is_open, in_parentheses = 0, False, 0
    for at in range(start, len(text)):
        char = text[at]
        in_parentheses += (char == "(") - (char == ")")
        if in_parentheses:
            continue
        depth += (char == "{") - (char == "}")
        is_open = is_open or depth > 0
        if is_open and depth == 0:
            return at + 1
    raise AssertionError(f"no end of {text[start : start + 60]!r}")


# ---- the modules


def _in_modules(package: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(package.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if OPERATION.search(source.replace("{{", "{")) is None:
            continue
        place = str(path.relative_to(package))
        module = ast.parse(source)
        for function in [module, *_functions(module)]:
            for node in filter(_starts_operation, _texts_of(function)):
                for branch in (True, False):
                    scope = Scope(function, module, branch)
                    yield from ((place, text) for text in _documents(_values(node, scope)))


def _functions(module: ast.Module) -> list[ast.AST]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(module) if isinstance(node, kinds)]


def _texts_of(function: ast.AST) -> Iterator[ast.expr]:
    """The outermost text expressions of a function or module, docstrings and nested ones out."""
    pending = [child for child in ast.iter_child_nodes(function)]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Constant | ast.JoinedStr) or _is_format(node):
            assert isinstance(node, ast.expr)
            yield node
        else:
            pending += ast.iter_child_nodes(node)


def _starts_operation(node: ast.expr) -> bool:
    parts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return any(isinstance(part, str) and OPERATION.search(part) for part in parts)


def _is_format(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and isinstance(node.func.value, ast.Constant)
    )


def _values(node: ast.AST, scope: Scope) -> list[str]:
    """The texts an expression may have; one empty text where that cannot be said."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else [""]
    if isinstance(node, ast.FormattedValue):
        return _values(node.value, scope)
    if isinstance(node, ast.JoinedStr):
        parts = itertools.product(*(_values(part, scope) for part in node.values))
        return ["".join(part) for part in itertools.islice(parts, COMBINATIONS_MAX)]
    if isinstance(node, ast.IfExp):
        return _values(node.body if scope.branch else node.orelse, scope)
    if isinstance(node, ast.Call) and _is_format(node):
        assert isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant)
        template = str(node.func.value.value)
        arguments = itertools.product(*(_values(argument, scope) for argument in node.args))
        return [template.format(*each) for each in itertools.islice(arguments, COMBINATIONS_MAX)]
    if isinstance(node, ast.Name):
        return _values_of_name(node.id, scope)
    return [""]


def _values_of_name(name: str, scope: Scope) -> list[str]:
    """What is assigned to a name in the function or module; for a parameter whatever is passed."""
    found: list[str] = []
    for node in itertools.chain.from_iterable(map(ast.walk, (scope.function, scope.module))):
        is_assigned = isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        )
        if is_assigned and not _mentions(node, name):
            assert isinstance(node, ast.Assign)
            found += _values(node.value, scope)
    if found:
        return list(dict.fromkeys(found))
    # A parameter: constants of the module whose names end alike (`fragment` ~ `RUN_FRAGMENT`).
    for node in scope.module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constant = node.targets[0].id
            if constant.endswith(f"_{name.upper()}"):
                found += _values(node.value, scope)
    return found or [""]


def _mentions(node: ast.AST, name: str) -> bool:
    """The name is built from itself."""
    assert isinstance(node, ast.Assign)
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node.value))


def _documents(texts: list[str]) -> Iterator[str]:
    """Those that are documents, with each fragment they use and no other."""
    for text in texts:
        if OPERATION.search(text) is None:
            continue
        try:
            document = parse(text)
        except GraphQLError:
            continue
        if _fragments_used(document) == _fragments_defined(document):
            yield text


def _fragments_used(document: DocumentNode) -> set[str]:
    used: set[str] = set()

    class Collect(Visitor):
        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
            used.add(node.name.value)

    visit(document, Collect())
    return used


def _fragments_defined(document: DocumentNode) -> set[str]:
    return {
        node.name.value  # type: ignore[attr-defined]  # fragments have names
        for node in document.definitions
        if node.kind == "fragment_definition"
    }
