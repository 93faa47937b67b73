"""`steelyard user …`: who may sign in."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from steelyard.cli.options import with_server_options

LIST_MAX = 10_000


@click.group()
def user() -> None:
    """Users of the server: add, password, list, remove."""


@user.command()
@click.argument("name")
@click.option("--email", default="", help="Address; signing in works with it too.")
@click.option("--admin", is_flag=True, help="May do everything on this server.")
@click.option("--service", is_flag=True, help="An account for programs; may act for members.")
@click.option("--password", is_flag=True, help="Ask for a password (or read one line of stdin).")
@with_server_options
def add(name: str, email: str, admin: bool, service: bool, password: bool, **flags: Any) -> None:
    """Add a user and print an API key, this once. The first user of all becomes an admin."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.rooms.accounts.commands import create_api_key, create_user
    from steelyard.server.rooms.accounts.model import NewApiKey
    from steelyard.server.rooms.accounts.passwords import hash_password
    from steelyard.server.rooms.accounts.queries import count_users

    password_hash = hash_password(ask_password()) if password else None

    def create(conn: Any) -> NewApiKey:
        made = create_user(
            conn,
            username=name,
            email=email,
            password_hash=password_hash,
            is_admin=admin or count_users(conn) == 0,  # somebody must be able to let others in
            is_service=service,
            now_us=now_us(),
        )
        return create_api_key(conn, user_id=made.id, name="first", now_us=now_us())

    with opened_database(flags, create=True) as (db, _):
        key = db.write_now(create)
    click.echo(f"added {name}; the API key is shown this once:", err=True)
    click.echo(key.key)


@user.command("password")
@click.argument("name")
@with_server_options
def set_password(name: str, **flags: Any) -> None:
    """Set the password of a user, asked for twice (or one line of stdin). Ends their sessions."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.lock import find_running_server
    from steelyard.server.rooms.accounts.commands import update_user
    from steelyard.server.rooms.accounts.passwords import hash_password
    from steelyard.server.rooms.accounts.queries import get_user

    with opened_database(flags) as (db, settings):
        db.read_now(get_user, name)  # before asking for a password that nobody needs
        password_hash = hash_password(ask_password())
        db.write_now(update_user, name, password_hash=password_hash)
    running = find_running_server(settings.data_dir)
    url = running.url if running and running.url else settings.public_url
    click.echo(f"password of {name} set; sign in at {url}/login")


@user.command("list")
@with_server_options
def list_all(**flags: Any) -> None:
    """List the users: name, rights, password or not, address."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.rooms.accounts.queries import list_users

    with opened_database(flags) as (db, _):
        users = db.read_now(list_users, limit=LIST_MAX)
    width = max((len(found.username) for found in users), default=0)
    for found in users:
        kind = "service" if found.is_service else "admin" if found.is_admin else "user"
        password = "password" if found.has_password else "no password"
        line = f"{found.username:<{width}}  {kind:<7}  {password:<11}  {found.email}"
        click.echo(line.rstrip())


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_server_options
def remove(name: str, yes: bool, **flags: Any) -> None:
    """Remove a user with the personal projects and their runs. There is no way back."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.rooms.offboarding.commands import (
        delete_some_runs_of,
        delete_user,
        list_entities_of_user,
    )

    with opened_database(flags) as (db, _):
        entity_ids = db.read_now(list_entities_of_user, name)
        if not yes:
            click.confirm(f"remove {name} with all personal projects and runs?", abort=True)
        while db.write_now(delete_some_runs_of, entity_ids, now_us=now_us()):
            pass
        db.write_now(delete_user, name, now_us=now_us())
    click.echo(f"removed {name}")


def ask_password() -> str:
    """A password typed twice without echo, or the first line of standard input."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000
