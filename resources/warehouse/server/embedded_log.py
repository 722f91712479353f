"""The log of the embedded server: what it contains and how long it is kept. It has no errors of
statements, since they show records.

It is one file that the server appends to, and a copy of its earlier content. The server's own
logger is not used: it omits why the server could not start.
"""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

FILE = "log"
_BEFORE = "log.old"
_CONFIGURATION = "backlog-elt.conf"
_INCLUDED = f"include_if_exists = '{_CONFIGURATION}'"
#: A client gets the errors of its statements; the log would keep the error and the statement.
_SETTINGS = """# backlog-elt writes this file. Settings of your own belong into
# postgresql.conf, below the line that includes it.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
#: In the line that a server writes when it is ready.
_READY = "database system is ready to accept connections"
#: A failure of the server itself, without those that it tells clients while it starts.
_FAILURE = re.compile(r"(?:FATAL|PANIC):  (?!the database system is)(.+)")
_DATA = "data"
_LARGEST = 5_000_000
#: After so many days the log is moved to the copy, and after as many again it is replaced.
_DAYS = 7


def configure(data: Path) -> bool:
    """Write this version's settings of the log; return whether they were different."""
    file, main = data / _CONFIGURATION, data / "postgresql.conf"
    if not file.exists() or file.read_text(encoding="utf-8") != _SETTINGS:
        file.write_text(_SETTINGS, encoding="utf-8")
        _give_to_owner(data, file)
    elif _INCLUDED in main.read_text(encoding="utf-8"):
        return False
    if _INCLUDED not in main.read_text(encoding="utf-8"):
        with main.open("a", encoding="utf-8") as end:
            end.write(f"\n{_INCLUDED}\n")
    return True


def rotate(data: Path) -> bool:
    """Copy the log and empty it, when it is large or the copy is old; return whether that
    was done.
    """
    log, before = data / FILE, data / _BEFORE
    if not log.exists():
        before.touch(0o600)
        _give_to_owner(data, before)
        return False
    recent = before.exists() and before.stat().st_mtime > time.time() - _DAYS * 86_400
    if recent and log.stat().st_size < _LARGEST:
        return False
    with log.open("rb") as held, before.open("wb") as copy:
        before.chmod(0o600)
        shutil.copyfileobj(held, copy)
    _give_to_owner(data, before)
    # The server appends, so it continues at the new end.
    os.truncate(log, 0)
    return True


def erase_log(data: Path) -> bool:
    """Erase the log and its copy; return whether there was anything."""
    held = False
    with suppress(FileNotFoundError):
        (data / _BEFORE).unlink()
        held = True
    with suppress(FileNotFoundError):
        held |= bool((data / FILE).stat().st_size)
        os.truncate(data / FILE, 0)
    return held


def last_failure(data: Path) -> str:
    """Return why the server stopped or does not start; empty if the log does not say."""
    try:
        held = (data / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = _FAILURE.findall(held.rpartition(_READY)[2])
    return str(found[-1]) if found else ""


def name_data(socket_folder: Path, data: Path) -> None:
    """Link the data folder in a folder that only holds the server's socket."""
    link = socket_folder / _DATA
    if not link.is_symlink():
        link.symlink_to(data)


def data_behind(socket_folder: Path) -> Path | None:
    """Return the data folder of the embedded server with this socket; None: it belongs to another
    server.
    """
    folders = (socket_folder, socket_folder / _DATA)
    data = next((folder for folder in folders if (folder / _CONFIGURATION).exists()), None)
    return data and data.resolve()


def _give_to_owner(data: Path, file: Path) -> None:
    """Let the server read what root wrote."""
    owner = data.stat()
    if owner.st_uid != os.geteuid():
        os.chown(file, owner.st_uid, owner.st_gid)
