"""Who the user is: finding an API key, asking for one, keeping it.

Order: argument > environment > settings file > netrc file > question on a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import NoApiKey, SteelyardError, Unauthenticated, Unavailable, UsageError
from steelyard.limits import API_KEY_SECRET_CHARS_MIN
from steelyard.sdk import terminal
from steelyard.sdk.netrc import netrc_path, read_netrc_key, remove_netrc_key, write_netrc_key
from steelyard.sdk.notebook import is_notebook
from steelyard.sdk.settings_files import write_user_setting

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings

VERIFY_TIMEOUT_S = 10.0


class FoundKey:
    """An API key, and where it was found, in words."""

    __slots__ = ("key", "source")

    def __init__(self, key: str, source: str) -> None:
        self.key: str = key
        self.source: str = source


def machine_of(base_url: str) -> str:
    """The name of a server in the netrc file: host, with its port if the URL has one."""
    # wandb 0.31.0 sdk/lib/wbauth/wbnetrc.py: the netloc of the base URL.
    return base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def find_key(
    settings: ClientSettings, environ: Mapping[str, str], source: str | None
) -> FoundKey | None:
    """The API key for the server of the settings. `source` says where `settings.api_key` is from.

    Raises Unauthenticated for a key that cannot be one, naming where it stands.
    """
    if settings.api_key:
        return check_key(settings.api_key, source or "the settings")
    path = netrc_path(environ, settings.netrc_file)
    if path is None or settings.base_url is None:
        return None
    key = read_netrc_key(path, machine_of(settings.base_url))
    return check_key(key, str(path)) if key else None


def check_key(key: str, source: str) -> FoundKey:
    """The key with its source. Raises Unauthenticated for text that is no API key."""
    # wandb 0.31.0 wants the same: what follows the last "-" has at least forty characters.
    if any(c.isspace() for c in key) or not key.isprintable():
        raise Unauthenticated(f"the API key from {source} has spaces or line breaks in it")
    if len(key.rpartition("-")[2]) < API_KEY_SECRET_CHARS_MIN:
        raise Unauthenticated(
            f"the API key from {source} is too short to be one ({len(key)} characters); copy it "
            "from the page /authorize of the server"
        )
    return FoundKey(key, source)


def ask_key(base_url: str, *, timeout_s: float | None, may_be_empty: bool) -> str | None:
    """Ask the person for a key, unseen. None when the answer is empty or did not come in time."""
    terminal.say(f"Your API key for {base_url} is on this page: {base_url}/authorize")
    question = f"{terminal.PREFIX}: Paste it and press Enter"
    question += ", or press Enter to stay offline: " if may_be_empty else ": "
    try:
        answer = _read_unseen(question, timeout_s)
    except EOFError:
        return None
    return answer.strip() or None if answer is not None else None


def can_ask() -> bool:
    """There is somebody to ask."""
    return terminal.is_interactive() or is_notebook()


def no_key(base_url: str) -> NoApiKey:
    """The error for a server nobody is logged in to: it names both ways to supply a key."""
    return NoApiKey(
        f"no API key for {base_url}: set WANDB_API_KEY, or run `steelyard login --host {base_url}` "
        f"once; the key is on the page {base_url}/authorize. Without a server: WANDB_MODE=offline"
    )


def fetch_me(settings: ClientSettings, key: FoundKey) -> dict[str, Any]:
    """Who that key is on the server. Raises Unauthenticated that names where the key is from."""
    import msgspec

    from steelyard.sdk.connection import open_connection

    connection = open_connection(msgspec.structs.replace(settings, api_key=key.key))
    try:
        me = connection.call("GET", "/api/v1/me", timeout_s=VERIFY_TIMEOUT_S)
    except Unauthenticated as error:
        raise Unauthenticated(
            f"{settings.base_url} refuses the API key from {key.source}: {error}"
        ) from error
    finally:
        connection.close()
    if not isinstance(me, dict) or "username" not in me:
        raise Unavailable(f"{settings.base_url} does not answer like a Steelyard server")
    return me


def sign_in(
    settings: ClientSettings,
    environ: Mapping[str, str],
    *,
    given: FoundKey | None,
    found: FoundKey | None,
    verify: bool | None,
    prompt: bool,
    is_host_given: bool,
) -> FoundKey | None:
    """Find or ask for the key of the server of the settings, check it, and keep what is new.

    `given` was handed over by the person, `found` lay somewhere already. None when there is no
    key and nobody is to be asked, or nobody answered. `verify` None: a server that does not
    answer is no reason to stop. Raises NoApiKey, Unauthenticated, Unavailable.
    """
    base_url = settings.base_url
    assert base_url is not None
    key = given or found
    is_asked = False
    if key is None:
        if not prompt:
            return None
        if not can_ask():
            raise no_key(base_url)
        answer = ask_key(base_url, timeout_s=settings.login_timeout, may_be_empty=False)
        if answer is None:
            return None
        key, is_asked = check_key(answer, "the prompt"), True
    who = ""
    if verify is not False:
        try:
            who = f" as {fetch_me(settings, key)['username']}"
        except Unavailable as error:
            if verify:
                raise
            terminal.say(f"The key from {key.source} is not checked: {error}", level="warn")
            if given is None and not is_asked:
                return key
    if given is not None or is_asked:
        keep_key(settings, environ, key)
    if is_host_given or given is not None or is_asked:
        keep_base_url(environ, base_url)
    terminal.say(f"Logged in{who} to {base_url} (key from {key.source})")
    return key


def keep_key(settings: ClientSettings, environ: Mapping[str, str], key: FoundKey) -> None:
    """Write the key to the netrc file; where that fails, say so and go on."""
    assert settings.base_url is not None
    path = netrc_path(environ, settings.netrc_file)
    if path is None:
        terminal.say(
            "There is no home directory to keep the API key in; set WANDB_API_KEY next time.",
            level="warn",
        )
        return
    try:
        write_netrc_key(path, machine_of(settings.base_url), key.key)
    except UsageError as error:
        terminal.say(str(error), level="warn")
        return
    terminal.say(f"The key is kept in {path}")


def keep_base_url(environ: Mapping[str, str], base_url: str) -> None:
    """Write the server to the user's settings file, so that later scripts find it."""
    try:
        path = write_user_setting(environ, "base_url", base_url)
    except UsageError as error:
        terminal.say(str(error), level="warn")
        return
    terminal.say(f"Scripts send to {base_url} from now on (kept in {path})")


def sign_out(settings: ClientSettings, environ: Mapping[str, str], base_url: str) -> bool:
    """Forget the key of that server on this machine; whether one was known."""
    path = netrc_path(environ, settings.netrc_file)
    was_known = path is not None and remove_netrc_key(path, machine_of(base_url))
    if settings.base_url == base_url:
        write_user_setting(environ, "base_url", None)
    return was_known


def _read_unseen(question: str, timeout_s: float | None) -> str | None:
    if timeout_s is None or not terminal.is_interactive() or sys.platform == "win32":
        from getpass import getpass

        return getpass(question)
    import select
    import termios

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    unseen = list(before)
    unseen[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(file, termios.TCSAFLUSH, unseen)  # before anybody is asked
        sys.stderr.write(question)
        sys.stderr.flush()
        ready, _, _ = select.select([file], [], [], timeout_s)
        return sys.stdin.readline() if ready else None
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
        sys.stderr.write("\n")


def describe_me(settings: ClientSettings, key: FoundKey) -> tuple[bool, str]:
    """(the server takes the key, what to tell the person)."""
    try:
        me = fetch_me(settings, key)
    except SteelyardError as error:
        return False, str(error)
    return True, f"{me['username']}, key from {key.source}"
