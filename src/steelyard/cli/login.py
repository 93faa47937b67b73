"""`steelyard login` and `steelyard logout`: the API key of a server, kept for later."""

from __future__ import annotations

import sys

import click

PIPED_KEY_WAIT_S = 1.0  # when a key is known already, a pipe may stay silent


@click.command()
@click.argument("key", required=False)
@click.option("--host", "--base-url", "host", metavar="URL", help="Server to log in to.")
@click.option("--relogin", is_flag=True, help="Ask for a key even if one is known.")
@click.option(
    "--verify/--no-verify", default=True, show_default=True, help="Ask the server about the key."
)
def login(key: str | None, host: str | None, relogin: bool, verify: bool) -> None:
    """Keep the API key of a server, so that scripts on this machine may log to it.

    KEY may be piped in: `printf KEY | steelyard login --host URL`. Otherwise it is asked for.
    """
    from steelyard.sdk import login as room
    from steelyard.sdk.session import get_session

    loaded = get_session().load_settings({"base_url": host, "relogin": relogin or None})
    settings = loaded.settings
    if settings.base_url is None:
        raise click.UsageError("which server? steelyard login --host http://HOST:PORT")
    found = None
    if not key and not settings.relogin:
        found = room.find_key(settings, loaded.environ, loaded.sources.get("api_key"))
    given = room.check_key(key, "the command line") if key else None
    if given is None and not room.can_ask():
        click.echo(f"Your API key is on this page: {settings.base_url}/authorize", err=True)
        piped = _read_piped_key(timeout_s=None if found is None else PIPED_KEY_WAIT_S)
        given = room.check_key(piped, "standard input") if piped else None
    done = room.sign_in(
        settings,
        loaded.environ,
        given=given,
        found=None if given else found,
        verify=verify,
        prompt=True,
        is_host_given=host is not None,
    )
    if done is None:
        raise room.no_key(settings.base_url)
    variable = loaded.sources.get("api_key", "")
    if given is not None and variable.startswith("environment"):
        click.echo(
            f"steelyard: {variable} is set to another key, which scripts go on to use", err=True
        )


@click.command()
@click.option("--host", "--base-url", "host", metavar="URL", help="Server to log out from.")
def logout(host: str | None) -> None:
    """Forget the API key of a server on this machine."""
    from steelyard.sdk.login import sign_out
    from steelyard.sdk.session import get_session

    loaded = get_session().load_settings({})
    wanted = get_session().load_settings({"base_url": host}).settings.base_url
    if wanted is None:
        raise click.UsageError("which server? steelyard logout --host http://HOST:PORT")
    if sign_out(loaded.settings, loaded.environ, wanted):
        click.echo(f"The API key for {wanted} is forgotten here; the server still takes it.")
    else:
        click.echo(f"No API key for {wanted} was kept here.")
    if source := loaded.sources.get("api_key"):
        click.echo(f"A key is still set: {source}.")


def _read_piped_key(*, timeout_s: float | None) -> str | None:
    """The first line of standard input; None when it is empty, or nothing comes in time."""
    import select

    try:
        if timeout_s is not None and not select.select([sys.stdin], [], [], timeout_s)[0]:
            return None
        return sys.stdin.readline().strip() or None
    except (OSError, ValueError, AttributeError):  # there is no standard input
        return None
