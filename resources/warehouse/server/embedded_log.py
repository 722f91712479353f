"""What the embedded server writes into its log, and for how long that is kept: no errors of
statements, since they show records.

One file that the server appends to, and a copy of what it held before. The server is not asked to
do it by itself: its own logger leaves out why it could not start.
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
#: The client that sent a statement gets its error; the log would keep the error and the statement.
_SETTINGS = """# backlog-elt writes this file. Settings of your own belong into
# postgresql.conf, below the line that includes it.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
#: In the line of a server that works.
_READY = "database system is ready to accept connections"
#: A failure of the server itself, not one that a client is told while it starts.
_FAILURE = re.compile(r"(?:FATAL|PANIC):  (?!the database system is)(.+)")
_DATA = "data"
_LARGEST = 5_000_000
#: What is in the file goes into the copy after so many days, and in its stead after as many again.
_DAYS = 7


def configure(data: Path) -> bool:
    """Bring the settings of the log to those of this version; return whether they were others."""
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
    """Begin the log anew, with what it held as a copy, when it is large or the copy is old; return
    whether that was so.
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
    # The server appends: it goes on at the new end.
    os.truncate(log, 0)
    return True


def erase_log(data: Path) -> bool:
    """Erase all that the log holds; return whether it held anything."""
    held = False
    with suppress(FileNotFoundError):
        (data / _BEFORE).unlink()
        held = True
    with suppress(FileNotFoundError):
        held |= bool((data / FILE).stat().st_size)
        os.truncate(data / FILE, 0)
    return held


def last_failure(data: Path) -> str:
    """Return why the server has stopped or does not start; nothing where the log says nothing."""
    try:
        held = (data / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = _FAILURE.findall(held.rpartition(_READY)[2])
    return str(found[-1]) if found else ""


def name_data(socket_folder: Path, data: Path) -> None:
    """Note the data folder in a folder that only holds the socket of the server."""
    link = socket_folder / _DATA
    if not link.is_symlink():
        link.symlink_to(data)


def data_behind(socket_folder: Path) -> Path | None:
    """Return the data folder of the embedded server with this socket; None: it is another's."""
    folders = (socket_folder, socket_folder / _DATA)
    data = next((folder for folder in folders if (folder / _CONFIGURATION).exists()), None)
    return data and data.resolve()


def _give_to_owner(data: Path, file: Path) -> None:
    """Let the server read what root has written."""
    owner = data.stat()
    if owner.st_uid != os.geteuid():
        os.chown(file, owner.st_uid, owner.st_gid)
