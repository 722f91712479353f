"""Records reach the warehouse by one way, and people are masked there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.somebody import KEY, TINY, found, names_and_addresses
from tests.sync.test_odd_records import ODD, Source, load, waiting
from tests.syncs import StartSyncs

ROOT = Path(__file__).parents[2]
#: What writes records, and the only files that may use it.
WRITES = {
    "merge": {"sync/writer.py"},
    "note_names": {"sync/writer.py"},
    "record_names": {"sync/name_history.py"},
}


def used(path: Path) -> Iterator[str]:
    """Yield what a file imports, and what it calls by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield f"{node.func.id}()"


@pytest.mark.parametrize("name", [*WRITES, "Commit()"])
def test_only_the_writer_and_the_store_write_records(name: str) -> None:
    rooms = ("assets", "pipelines", "service", "sync")
    users = {
        str(path.relative_to(ROOT))
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if name in used(path)
    }
    assert users == WRITES.get(name, {"sync/store.py"})


def test_nobody_is_named_where_a_source_with_odd_records_is_loaded(start_syncs: StartSyncs) -> None:
    syncs = start_syncs(TINY).with_privacy_key(KEY)
    source = Source(syncs, ODD)
    for odd in (True, False):
        source.odd = odd
        assert load(syncs) == []
        assert (waiting(syncs).keys() >= {"issues", "comments", "users"}) is odd
        assert found(syncs, names_and_addresses(syncs)) == []
