"""Parsed and validated documents, kept by their text.

Clients send a closed set of some hundred and sixty texts and vary the variables only, so parsing
and validation (milliseconds) happen once per text.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from steelyard.errors import Invalid
from steelyard.limits import (
    GRAPHQL_DOCUMENTS_KEPT_MAX,
    GRAPHQL_ERRORS_MAX,
    GRAPHQL_TEXT_CHARS_KEPT_MAX,
    GRAPHQL_TOKENS_MAX,
)


class Prepared(msgspec.Struct, frozen=True):
    """A document that can be executed, or the reasons why not."""

    document: DocumentNode | None
    errors: Sequence[GraphQLError]


class Documents:
    """A bounded store of prepared documents, least recently used out first."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: OrderedDict[bytes, Prepared] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, text: str) -> Prepared:
        """The document of `text`, parsed and validated now or earlier."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None:
                self._kept.move_to_end(digest)
                return kept
        prepared = _prepare(self._schema, text)
        if len(text) <= GRAPHQL_TEXT_CHARS_KEPT_MAX:
            with self._lock:
                self._kept[digest] = prepared
                while len(self._kept) > GRAPHQL_DOCUMENTS_KEPT_MAX:
                    self._kept.popitem(last=False)
        return prepared

    def __len__(self) -> int:
        return len(self._kept)


def is_mutation(document: DocumentNode, operation_name: str | None) -> bool:
    """Whether the operation to be executed changes anything.

    Raises Invalid when `operation_name` chooses none: absent is fine for a single operation.
    """
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if operation_name:
        operations = [
            node for node in operations if node.name and node.name.value == operation_name
        ]
    if not operations:
        raise Invalid(f"the document has no operation {operation_name or ''}".rstrip())
    if len(operations) > 1:
        raise Invalid("the document has several operations; name one in operationName")
    if operations[0].operation is OperationType.SUBSCRIPTION:
        raise Invalid("subscriptions are not served")
    return operations[0].operation is OperationType.MUTATION


def _prepare(schema: GraphQLSchema, text: str) -> Prepared:
    try:
        document = parse(text, max_tokens=GRAPHQL_TOKENS_MAX)
    except GraphQLError as error:
        return Prepared(document=None, errors=[error])
    except RecursionError:
        return Prepared(document=None, errors=[GraphQLError("the document is nested too deeply")])
    errors = validate(schema, document, max_errors=GRAPHQL_ERRORS_MAX)
    if errors:
        return Prepared(document=None, errors=_explain(document, errors))
    return Prepared(document=document, errors=errors)


def _explain(document: DocumentNode, errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """The first error as users of the client read it: what they cannot do here, and why.

    The original text stays in it, because clients look in it for arguments to leave out.
    """
    operations = [
        node.name.value
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode) and node.name
    ]
    first, *others = errors
    what = operations[0] if operations else "the operation"
    message = f"this Steelyard server does not support {what}: {first.message}"
    return [GraphQLError(message, nodes=first.nodes), *others]
