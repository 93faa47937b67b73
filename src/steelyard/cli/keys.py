"""`steelyard key …`: API keys."""

from __future__ import annotations

import datetime
from typing import Any

import click

from steelyard.cli.options import with_server_options
from steelyard.cli.users import now_us


@click.group()
def key() -> None:
    """API keys: create, list, revoke."""


@key.command()
@click.option("--user", "username", help="Whose key; the owner's without it.")
@click.option("--name", default="", help="What it is for.")
@click.option("--owner-file", is_flag=True, help="Write it to DATA_DIR/owner.key as well.")
@with_server_options
def create(username: str | None, name: str, owner_file: bool, **flags: Any) -> None:
    """Make an API key and print it, this once."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.data_dir import OWNER_KEY_FILE, write_owner_key
    from steelyard.server.rooms.accounts.commands import create_api_key

    with opened_database(flags) as (db, settings):
        found = db.read_now(_get_user_or_owner, username)
        made = db.write_now(create_api_key, user_id=found.id, name=name, now_us=now_us())
        if owner_file:
            write_owner_key(settings.data_dir / OWNER_KEY_FILE, made.key)
    click.echo(f"key of {found.username}, shown this once:", err=True)
    click.echo(made.key)


@key.command("list")
@click.option("--user", "username", help="Whose keys; the owner's without it.")
@with_server_options
def list_all(username: str | None, **flags: Any) -> None:
    """List keys: number, last four characters, made, last used, what for."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.rooms.accounts.queries import list_api_keys

    with opened_database(flags) as (db, _):
        found = db.read_now(_get_user_or_owner, username)
        keys = db.read_now(list_api_keys, found.id)
    for one in keys:
        used = f"used {_day(one.last_used_at_us)}" if one.last_used_at_us else "never used"
        line = f"{one.id:>6}  …{one.hint}  made {_day(one.created_at_us)}  {used:<15}  {one.name}"
        click.echo(line.rstrip())


@key.command()
@click.argument("key_id", type=int)
@click.option("--user", "username", help="Whose key; the owner's without it.")
@with_server_options
def revoke(key_id: int, username: str | None, **flags: Any) -> None:
    """Revoke the key with that number (see list). A running server refuses it within seconds."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.rooms.accounts.commands import delete_api_key

    with opened_database(flags) as (db, _):
        found = db.read_now(_get_user_or_owner, username)
        db.write_now(delete_api_key, user_id=found.id, key_id=key_id)
    click.echo(f"revoked key {key_id} of {found.username}")


def _get_user_or_owner(conn: Any, username: str | None) -> Any:
    from steelyard.server.rooms.accounts.queries import get_first_admin, get_user

    return get_user(conn, username) if username else get_first_admin(conn)


def _day(at_us: int) -> str:
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).date().isoformat()
