"""The calls that loads of the scenes make, as text, for the snapshot `calls.txt` beside this file.

Run `python -m tests.sync.calls_text` to write the snapshot again after a change that is meant.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from textwrap import fill

from sqlalchemy import Engine

from resources.warehouse.server.connect import engine
from resources.warehouse.server.migrations import upgrade
from simulator import RequestInfo
from tests.databases import copy_of, database_url, server_url
from tests.sync.conftest import as_template, on_copy
from tests.sync.scenes import HOUR, SCENES, Scene
from tests.syncs import SMALL, Syncs

SNAPSHOT = Path(__file__).with_name("calls.txt")
#: When the space is loaded first, by its own clock, which stands still between two actions.
BEGINNING = datetime(2026, 7, 1, 1, tzinfo=UTC)
#: Characters of a line of the snapshot.
WIDTH = 100
#: More ids than these are only counted.
SHOWN_IDS = 6


def first_load(syncs: Syncs) -> None:
    """Load everything for the first time."""
    syncs.sim.clock.freeze(BEGINNING)
    syncs.sim.switch(stable_ties=True)
    syncs.load()


@contextmanager
def on_stage(server: str, admin: Engine, template: str) -> Iterator[Syncs]:
    """Give the engine on the space of the scenes and a copy of a database, an hour after the first
    load.
    """
    with on_copy(server, admin, template, SMALL) as syncs:
        syncs.sim.switch(stable_ties=True)
        syncs.sim.clock.freeze(BEGINNING)
        syncs.sim.clock.advance(HOUR)
        yield syncs


def calls(syncs: Syncs, scene: Scene) -> str:
    """Play a scene and return the calls of its last load, in order: one a line, or several that
    differ by the issue alone.
    """
    names = _names(syncs)
    scene.play(syncs)
    names |= _names(syncs)
    found = (_call(request, names) for request in syncs.sim.requests.recent())
    return "\n".join(
        fill(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
        for line in _joined(found)
    )


def recorded() -> Mapping[str, str]:
    """Return the calls of each scene as the snapshot has them."""
    parts = re.split(r"^# (\w+): .*\n", SNAPSHOT.read_text(), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _names(syncs: Syncs) -> dict[str, str]:
    """Return id -> key of the projects and issues of the space."""
    space = syncs.sim.space
    keys = {str(project.id): project.key for project in space.projects.values()}
    return keys | {
        str(issue.id): f"{keys[str(issue.project_id)]}-{issue.key_id}"
        for issue in space.issues.values()
    }


def _call(request: RequestInfo, names: Mapping[str, str]) -> tuple[str, str]:
    """Return a call without its issue, and the issue with the comment from which it is read; empty
    where it has none in its path.
    """
    parts = request.path.split("/")
    issue = ""
    if request.route.startswith("/issues/{issue}"):
        issue, parts[2] = names.get(parts[2], parts[2]), "*"
        issue += f">{after}" if (after := request.param("minId")) else ""
    path = "/".join(names.get(part, part) for part in parts)
    params = {
        name: [value for _, value in some]
        for name, some in groupby(request.params, key=lambda one: one[0])
        if name != "apiKey" and not (issue and name == "minId")
    }
    shown = [f"{name}={_values(name, values, names)}" for name, values in params.items()]
    status = [] if request.status == 200 else [f"-> {request.status}"]
    return " ".join([path, *shown, *status]), issue


def _values(name: str, values: Sequence[str], names: Mapping[str, str]) -> str:
    if name == "id[]" and len(values) > SHOWN_IDS:
        return f"({len(values)} ids)"
    return ",".join(names.get(value, value) for value in values)


def _joined(found: Iterator[tuple[str, str]]) -> Iterator[str]:
    for shape, some in groupby(found, key=lambda one: one[0]):
        issues = [issue for _, issue in some]
        if issues[0]:
            yield f"{shape}: {' '.join(issues)}"
        else:
            yield shape + (f" (x {len(issues)})" if len(issues) > 1 else "")


def main() -> None:
    """Write the snapshot."""
    with server_url() as server:
        admin = engine(server).execution_options(isolation_level="AUTOCOMMIT")
        with copy_of(admin, "template0") as empty:
            migrated = engine(database_url(server, empty))
            upgrade(migrated)
            migrated.dispose()
            with as_template(server, (admin, empty), SMALL, first_load) as loaded:
                SNAPSHOT.write_text(
                    "\n".join(
                        f"# {name}: {scene.title}\n{text}\n"
                        for name, scene, text in _played(server, admin, empty, loaded)
                    )
                )
        admin.dispose()


def _played(
    server: str, admin: Engine, empty: str, loaded: str
) -> Iterator[tuple[str, Scene, str]]:
    for name, scene in SCENES.items():
        with on_stage(server, admin, loaded if scene.loaded else empty) as syncs:
            yield name, scene, calls(syncs, scene)


if __name__ == "__main__":
    main()
