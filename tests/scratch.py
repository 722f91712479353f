"""Where tests write: in memory where there is room; their home; the mappings that they edit."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# only the place, names in it are made by tempfile
_MEMORY, _ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108


def use_memory() -> None:
    """Let this process and its children write temporary files to memory, unless TMPDIR says where.

    A database is made and dropped in 20 ms there, and in 350 on some disks.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def use_own_folders() -> None:
    """Give this process a home, for what its builds leave, and a copy of the mappings, which its
    tests may edit; its children get both.
    """
    home, folder = tempfile.mkdtemp(prefix="home-"), tempfile.mkdtemp(prefix="mappings-")
    shutil.copytree(Path(__file__).parents[1] / "mappings", folder, dirs_exist_ok=True)
    os.environ |= {"BACKLOG_ELT_HOME": home, "BACKLOG_MAPPINGS": folder}
    for one in (home, folder):
        atexit.register(shutil.rmtree, one, ignore_errors=True)


@contextmanager
def edited_mappings(files: Mapping[str, str]) -> Iterator[None]:
    """Put these texts into files of that copy, and what was there back in the end."""
    folder = Path(os.environ["BACKLOG_MAPPINGS"])
    before = {name: (folder / name).read_bytes() for name in files if (folder / name).exists()}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        for name in files:
            (folder / name).unlink()
        for name, content in before.items():
            (folder / name).write_bytes(content)
