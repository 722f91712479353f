"""Reads a file of variables (.env), and checks all of it before any variable is set.

A malformed line is an error, since it may be the one that names the space. Messages show only its
number, since it may hold a secret.
"""

import re
from io import StringIO
from pathlib import Path

from dotenv import load_dotenv
from dotenv.parser import parse_stream

from resources.variables import SettingsError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_OURS = ("BACKLOG_", "WAREHOUSE_", "DAGSTER_")
_EXPECTED = "NAME=value, with name and = in half-width letters"


def read_env_file(path: Path) -> None:
    """Set the variables of a file that the environment does not set; a missing file is ignored.

    Raises:
        SettingsError: the file cannot be read, or a line is malformed.
    """
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(
            path.name, str(path), "a file that can be read", (error.strerror or "").lower()
        ) from None
    try:
        text = held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong_line(path, held[: error.start].count(b"\n") + 1, "text in UTF-8") from None
    if "\0" in text:
        raise _wrong_line(
            path, text.partition("\0")[0].count("\n") + 1, "text without control characters"
        )
    for line in parse_stream(StringIO(text)):
        # A name without a value is harmless, but one of ours was meant to have a value.
        alone = line.value is None and (line.key or "").upper().startswith(_OURS)
        if line.error or alone or (line.key is not None and not _NAME.fullmatch(line.key)):
            before, _, _ = line.original.string.partition(line.original.string.strip())
            raise _wrong_line(path, line.original.line + before.count("\n"), _EXPECTED)
    load_dotenv(stream=StringIO(text))


def _wrong_line(path: Path, line: int, expected: str) -> SettingsError:
    return SettingsError(f"line {line} of {path.name}", "…", expected)
