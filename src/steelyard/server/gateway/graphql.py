"""POST /graphql: the operations of the official client.

A query runs in one read transaction, a mutation in one write transaction that is rolled back when
its result has errors. Errors are answered with status 200: the client takes that as final, and
repeats 5xx for minutes. Only "try again later" (503, 429), a missing key (401) and an agent whose
sweep is gone (404, wandb 0.31.0 apis/public/sweeps.py: it then ends) have a status.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from graphql import DocumentNode, ExecutionResult, GraphQLError, execute
from litestar import Request, Response, post
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from steelyard.errors import AgentNotFound, Invalid, SteelyardError, Unavailable
from steelyard.limits import GRAPHQL_BODY_BYTES_MAX
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.gateway.binding import make_schema
from steelyard.server.gateway.context import Context, NotYet
from steelyard.server.gateway.documents import Documents, is_mutation
from steelyard.server.gateway.resolvers import RESOLVERS, TYPE_NAMES
from steelyard.server.http.auth import Authenticator
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.settings import ServerSettings

log = logging.getLogger("steelyard.gateway")

SCHEMA = make_schema(RESOLVERS, TYPE_NAMES)
DOCUMENTS = Documents(SCHEMA)

AnyRequest = Request[Any, Any, Any]


class GraphQLRequest(msgspec.Struct, rename="camel"):
    """The body. Undeclared variables are ignored, as the GraphQL specification says."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class _RolledBack(Exception):
    """Carries the result of a mutation out of the transaction that must not be kept."""

    def __init__(self, result: ExecutionResult) -> None:
        super().__init__("rolled back")
        self.result = result


@post(
    "/graphql",
    status_code=200,
    request_max_body_size=GRAPHQL_BODY_BYTES_MAX,
    include_in_schema=False,
)
async def execute_graphql(
    request: AnyRequest,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    authenticator: Authenticator,
    run_index: RunIndex,
    blobs: BlobStore,
    sweeps: Dispatcher,
    now_us: Callable[[], int],
) -> Response[bytes]:
    """Execute the operation in the body for the caller."""
    asked = parse_body(await request.body())
    prepared = DOCUMENTS.prepare(asked.query)
    if prepared.document is None:
        return _answer(ExecutionResult(None, list(prepared.errors)))
    context = Context(
        caller,
        now_us=now_us(),
        signer=signer,
        base_url=settings.public_url,
        run_index=run_index,
        db=db,
        blobs=blobs,
        sweeps=sweeps,
    )
    try:
        if is_mutation(prepared.document, asked.operation_name):
            result = await _mutate(db, prepared.document, asked, context)
        else:
            result = await db.read(_execute, prepared.document, asked, context)
    except _RolledBack as rolled_back:
        result = rolled_back.result
    except DBAPIError as error:  # a statement of ours is wrong: no reason to repeat the request
        result = ExecutionResult(None, [GraphQLError("", original_error=error)])
    if context.are_accounts_changed:
        authenticator.forget_callers()
    return _answer(result)


def parse_body(body: bytes) -> GraphQLRequest:
    """The request in a body. Raises Invalid, saying what is wrong with it."""
    try:
        return msgspec.json.decode(body, type=GraphQLRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"the body is not a GraphQL request ({error}); "
            'send JSON: {"query": text, "variables": object}'
        ) from error


async def _mutate(
    db: Database, document: DocumentNode, asked: GraphQLRequest, context: Context
) -> ExecutionResult:
    """The result of a mutation, begun again for whatever must happen outside its transaction."""
    while True:
        try:
            return await db.write(_write, document, asked, context)
        except NotYet as pending:
            try:
                await asyncio.to_thread(context.do, pending)
            except (Unavailable, AgentNotFound):
                raise
            except SteelyardError as error:
                return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])


def _write(
    conn: Connection, document: DocumentNode, asked: GraphQLRequest, context: Context
) -> ExecutionResult:
    result = _execute(conn, document, asked, context)
    if result.errors:
        raise _RolledBack(result)
    return result


def _execute(
    conn: Connection, document: DocumentNode, asked: GraphQLRequest, context: Context
) -> ExecutionResult:
    context.begin(conn)
    result = execute(
        SCHEMA,
        document,
        context_value=context,
        variable_values=asked.variables,
        operation_name=asked.operation_name or None,
    )
    assert isinstance(result, ExecutionResult), "resolvers are synchronous"
    for error in result.errors or []:
        if isinstance(error.original_error, OperationalError | Unavailable | NotYet):
            raise error.original_error  # the caller decides: again, or "try again later"
    return result


def _answer(result: ExecutionResult) -> Response[bytes]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [describe_error(error) for error in result.errors]
    return Response(msgspec.json.encode(body), media_type="application/json")


def describe_error(error: GraphQLError) -> dict[str, Any]:
    """An error as clients read it. One that is a bug of ours shows only where the log has it."""
    described: dict[str, Any] = {"message": error.message}
    cause = error.original_error
    if isinstance(cause, SteelyardError):
        described["extensions"] = {"code": cause.code}
    elif cause is None or isinstance(cause, GraphQLError):
        described["extensions"] = {"code": "graphql_validation_failed"}
    else:
        incident = secrets.token_hex(6)
        log.error("resolver failed", extra={"incident": incident}, exc_info=cause)
        described["message"] = (
            f"the server made a mistake; its log has the details under incident {incident}"
        )
        described["extensions"] = {"code": "internal", "incident": incident}
    if error.path:
        described["path"] = list(error.path)
    return described


handlers = [execute_graphql]
