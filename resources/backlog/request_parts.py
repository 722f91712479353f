"""The parts of a request: the root of the space, parts of a path, and parameters."""

import re
from urllib.parse import quote

from resources.backlog.client_values import Params, to_param
from resources.backlog.errors import PermanentError

_ROOT = re.compile(r"(https?://[^/?#@\s]+(?:/[^/?#@\s]+)*?)/*(?:/api/v2/?)?")


def space_root(url: str) -> str:
    """Return the root of a space without a slash at its end.

    Raises:
        PermanentError: the URL is not the root of a space.
    """
    root = _ROOT.fullmatch(url.strip())
    if root is None:
        raise PermanentError(
            "BACKLOG_URL must be the root of a space, like https://acme.backlog.com",
            cause="not_a_space",
        )
    return root.group(1)


def path_part(value: int | str) -> str:
    """Return an id or a key, escaped as one part of a path."""
    return quote(str(value), safe="")


def page_parameters(offset: int, count: int) -> Params:
    """Return the parameters for a page of a list with offsets."""
    return [("offset", str(offset)), ("count", str(count))]


def given_parameters(**values: str | int | bool | None) -> Params:
    """Return parameters for the values that are not None."""
    return [(name, to_param(value)) for name, value in values.items() if value is not None]
