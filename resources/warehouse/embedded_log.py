"""What the embedded server writes into its log, and for how long that is kept: no errors of statements, since they show records.

One file that the server appends to, and a copy of what it held before. The server is not asked to do it by itself: its own logger
leaves out why it could not start.
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

FILE = "log"
_BEFORE = "log.old"
_CONFIGURATION = "backlog-elt.conf"
_INCLUDED = f"include_if_exists = '{_CONFIGURATION}'"
#: The client that sent a statement gets its error; the log would keep the error and the statement.
_SETTINGS = """# backlog-elt writes this file; settings of your own belong below the line of postgresql.conf that includes it.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
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
    """Begin the log anew, with what it held as a copy, when it is large or the copy is old; return whether that was so."""
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


def erase(data: Path) -> bool:
    """Erase all that the log holds; return whether it held anything."""
    held = False
    with suppress(FileNotFoundError):
        (data / _BEFORE).unlink()
        held = True
    with suppress(FileNotFoundError):
        held |= bool((data / FILE).stat().st_size)
        os.truncate(data / FILE, 0)
    return held


def _give_to_owner(data: Path, file: Path) -> None:
    """Let the server read what root has written."""
    owner = data.stat()
    if owner.st_uid != os.geteuid():
        os.chown(file, owner.st_uid, owner.st_gid)
