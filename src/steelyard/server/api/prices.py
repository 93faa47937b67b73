"""The price table: what an hour of a GPU or of a machine costs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import delete, get, put
from sqlalchemy.engine import Connection

from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_server_admin
from steelyard.server.rooms.costs import commands
from steelyard.server.rooms.costs.model import Price, PriceKind
from steelyard.server.rooms.costs.queries import list_prices

Clock = Callable[[], int]
PRICES = "/api/v1/prices"
PRICE = PRICES + "/{kind:str}/{name:path}"


class NewPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an hour costs in US dollars, and where the number is from."""

    kind: PriceKind
    name: str
    usd_per_hour: float
    source: str = ""


@get(PRICES)
async def list_all_prices(caller: Caller, db: Database) -> Page[Price]:
    """The whole price table."""
    found = await db.read(list_prices)
    return Page(found, None, len(found))


@put(PRICES)
async def put_price(data: NewPrice, caller: Caller, db: Database, now_us: Clock) -> Price:
    """Set the price of a type of GPU, by a part of its name, or of hosts, by a pattern.

    Runs that have ended keep what they were charged. For admins of the server.
    """
    require_server_admin(caller)

    def write(conn: Connection) -> Price:
        return commands.set_price(
            conn,
            kind=data.kind,
            name=data.name,
            usd_per_hour=data.usd_per_hour,
            source=data.source,
            now_us=now_us(),
        )

    return await db.write(write)


@delete(PRICE, status_code=204)
async def delete_price(kind: PriceKind, name: str, caller: Caller, db: Database) -> None:
    """Take a price off the table. For admins of the server."""
    require_server_admin(caller)
    await db.write(commands.remove_price, kind, name.removeprefix("/"))


handlers = [list_all_prices, put_price, delete_price]
