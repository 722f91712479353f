"""A load that dies by SIGKILL at one of the commits that `sync/store.py` names."""

import inspect
import os
import signal
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

from sqlalchemy import Connection, event

from resources.warehouse.server.connect import engine
from simulator import Simulator
from tests.documents import ROOT
from tests.syncs import Syncs

When = Literal["before", "after"]
#: Each point, and the function whose transaction is committed there.
POINTS = {
    "issues": "issue_writes._store",
    "absence": "lookups._mark_deleted",
    "acknowledgement": "lookups._acknowledge",
    "watermark": "watermarks.complete",
    "comments": "comment_writes.store",
    "activities": "activity_writes.store_new",
    "gap": "activity_writes.store_gap",
    "list": "writer.store_listing",
    "quarantine": "quarantine_retries.retry_rejected",
}
#: What such a function opens its transaction with.
OPENING = {"store.transaction", "writer.storing", "activity_writes._storing"}
#: Seconds after which a load that does not die is given up.
PATIENCE = 120


def dies_at(syncs: Syncs, point: str, when: When) -> bool:
    """Load the categories and what has changed in another process, which kills itself just before
    or after the first commit at a point; return whether it has.
    """
    processes = get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    database = syncs.engine.url.render_as_string(hide_password=False)
    projects = [project.key for project in syncs.space.projects.values()]
    load = processes.Process(
        target=_load,
        args=(point, when, syncs.sim.url, syncs.sim.api_key, database, projects),
    )
    load.start()
    load.join(PATIENCE)
    code = load.exitcode
    load.kill()
    return code == -signal.SIGKILL


def _load(
    point: str, when: When, url: str, key: str, database: str, projects: Sequence[str]
) -> None:
    warehouse = engine(database)

    def die(connection: Connection) -> None:
        if _committing() == POINTS[point]:
            if when == "after":
                connection.connection.commit()
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(warehouse, "commit", die)
    syncs = Syncs(cast("Simulator", SimpleNamespace(url=url, api_key=key)), warehouse)
    syncs.listing("categories")
    syncs.run(*projects, mode="incremental")


def _committing() -> str | None:
    """Return the function whose transaction of the store is committed now, None: it is another."""
    calls = [
        f"{Path(frame.filename).stem}.{frame.function}"
        for frame in inspect.stack(0)
        if Path(frame.filename).parent == ROOT / "sync"
    ]
    if calls[:1] != ["store.commit"]:
        return None
    return next(call for call in calls[1:] if call not in OPENING)
