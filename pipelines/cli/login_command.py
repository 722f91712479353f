"""`backlog-elt login` and `logout`: a user allows the application in a browser, and the tokens are
stored.
"""

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from pipelines.cli.group import examples, show
from pipelines.cli.options import PORT, Number
from resources.settings import Settings
from resources.variables import CLIENT_ID, SettingsError

if TYPE_CHECKING:
    from resources.backlog.backlog_resource import BacklogResource

#: The redirect URI is registered with the application, so the port is fixed.
LOGIN_PORT = 8976


@click.command(
    "login",
    epilog=examples(
        "backlog-elt login",
        "backlog-elt login --no-browser  # prints the URL",
        "backlog-elt login --rotate-key  # after a change of BACKLOG_TOKEN_KEY",
    ),
)
@click.option(
    "--port", default=LOGIN_PORT, show_default=True, type=PORT, help="Port of the redirect URI."
)
@click.option(
    "--no-browser",
    is_flag=True,
    help="Only print the URL; open it yourself, or elsewhere through a tunnel.",
)
@click.option(
    "--timeout",
    default=300,
    show_default=True,
    type=Number(1),
    help="Seconds to wait for the answer.",
)
@click.option(
    "--rotate-key",
    is_flag=True,
    help="Do not log in; encrypt the stored tokens with the first key of BACKLOG_TOKEN_KEY.",
)
def login_command(port: int, no_browser: bool, timeout: int, rotate_key: bool) -> None:
    """Get access by OAuth: a user allows it in a browser.

    Needs an application that is registered with Nulab, with the redirect URI
    http://127.0.0.1:8976/callback.
    """
    settings = Settings.of_this_process()
    if rotate_key:
        show(encrypt_anew(settings))
    else:
        say = partial(show, err=True)
        show(let_in(settings, port=port, browser=not no_browser, timeout=timeout, say=say))


@click.command("logout", epilog=examples("backlog-elt logout"))
def logout_command() -> None:
    """Forget the tokens of OAuth."""
    show(let_out(Settings.of_this_process()))


def let_in(
    settings: Settings, *, port: int, browser: bool, timeout: float, say: Callable[[str], None]
) -> str:
    """Let a user allow the application, and store the tokens; return a line with the user and the
    space.

    Args:
        settings: validated settings of the deployment.
        port: port of the loopback address to which the browser returns.
        browser: whether to open a browser; the URL is shown in any case.
        timeout: seconds for the user to answer.
        say: gets lines about what to do.

    Raises:
        SettingsError: access is not by OAuth.
        BacklogError: the user did not allow it or did not answer, or the space refuses the
            application; nothing is stored.
        WarehouseError: the warehouse cannot be used; nothing is stored.
    """
    from resources.backlog.auth import BearerToken
    from resources.backlog.callback import Callback
    from resources.backlog.client import BacklogClient

    with _oauth_backlog(settings) as backlog:
        store, application = backlog.token_store, backlog.application
        with Callback(port, on_strange=say) as callback:
            url = application.authorize_url(callback.uri, callback.state)
            say(f"Open this page within {timeout:g} s and allow access:\n{url}")
            if browser and _has_screen():
                webbrowser.open(url)
            code = callback.wait(timeout)
        tokens = application.exchange(code, callback.uri)
        with BacklogClient(application.base_url, BearerToken(tokens.access_token)) as client:
            user, space = client.myself(), client.space()
        store.save(tokens, str(space["spaceKey"]))
        return (
            f"Logged in to {space['spaceKey']} ({application.base_url}) as "
            f"{user['name']} (id {user['id']})."
        )


def let_out(settings: Settings) -> str:
    """Delete the tokens; return a line about it.

    Raises:
        SettingsError: access is not by OAuth.
        WarehouseError: the warehouse cannot be used.
    """
    with _oauth_backlog(settings) as backlog:
        if not backlog.token_store.forget():
            return f"Nobody was logged in to {backlog.root}."
        return (
            f"Logged out of {backlog.root}: the tokens are deleted. Backlog has no request by "
            "which they could be revoked; the "
            "access token ends by itself within the hour."
        )


def encrypt_anew(settings: Settings) -> str:
    """Encrypt the stored tokens with the first key of BACKLOG_TOKEN_KEY; return a line about it.

    Raises:
        SettingsError: access is not by OAuth.
        TokensUnreadableError: none of the keys decrypts the tokens.
        WarehouseError: the warehouse cannot be used.
    """
    with _oauth_backlog(settings) as backlog:
        if not backlog.token_store.rotate():
            return f"Nobody is logged in to {backlog.root}: there is nothing to encrypt."
        return (
            "The tokens are encrypted with the first key of BACKLOG_TOKEN_KEY: "
            "you can remove the others."
        )


@contextmanager
def _oauth_backlog(settings: Settings) -> "Iterator[BacklogResource]":
    if not settings.oauth:
        raise SettingsError(
            CLIENT_ID,
            "",
            "the client id of an application that is registered with Nulab, for access by OAuth",
        )
    from pipelines.cli.in_process import connection
    from pipelines.hosting.environment import prepare_storage

    prepare_storage(settings)
    with connection() as (backlog, _warehouse):
        yield backlog


def _has_screen() -> bool:
    """Whether a browser can open in a window of its own."""
    return sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
