"""Scenes of a small space: what happens in each, and the load whose calls `calls_text.py` writes
down.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator import Fault
from tests.sync.trouble import ESTIMATE_OF_NO_NUMBER, break_off, leave, refuse, spoil
from tests.syncs import FEED, Syncs

HOUR = 3600


@dataclass(frozen=True)
class Scene:
    """What happens, of which only the calls of its last load are kept; `loaded`: after a first
    load.
    """

    play: Callable[[Syncs], object]
    loaded: bool

    @property
    def title(self) -> str:
        """What the scene shows."""
        return " ".join((self.play.__doc__ or "").split())


SCENES: dict[str, Scene] = {}


def _scene(*, loaded: bool = True) -> Callable[[Callable[[Syncs], object]], None]:
    def note(play: Callable[[Syncs], object]) -> None:
        SCENES[play.__name__.strip("_")] = Scene(play, loaded)

    return note


def _load(syncs: Syncs, **options: object) -> None:
    """Load as a run of the job `issues` does; only its calls count."""
    syncs.sim.requests.clear()
    syncs.run(**{"mode": "incremental", **options})  # type: ignore[arg-type]


def _issues(syncs: Syncs, project: str = "OPS") -> list[int]:
    return sorted(syncs.space.project(project).issues)


def _edit(syncs: Syncs, issue: int, text: str) -> None:
    syncs.sim.clock.advance(60)
    syncs.space.edit_issue(issue, summary=text)


def _import(syncs: Syncs, project: str) -> None:
    """Import 450 issues."""
    for _ in range(9):
        syncs.sim.clock.advance(600)
        syncs.space.import_issues(project, 50)


def _break_off_first(syncs: Syncs) -> None:
    """Break off the first read of 450 issues."""
    _import(syncs, "OPS")
    _break_off(syncs, lambda: syncs.issues("OPS", mode="incremental"), after=4)


def _break_off(syncs: Syncs, load: Callable[[], object], *, after: int) -> None:
    """Load until so many requests for issues have been answered."""
    break_off(syncs, after)
    load()
    syncs.sim.faults.clear()
    syncs.sim.requests.clear()


# -- the scenes ------------------------------------------------------------------------------------


@_scene(loaded=False)
def _first(syncs: Syncs) -> None:
    """Everything, for the first time."""
    syncs.load()


@_scene()
def _quiet(syncs: Syncs) -> None:
    """Nothing has changed, lists included."""
    syncs.listing()
    syncs.sim.requests.clear()
    syncs.listing()
    syncs.run(mode="incremental")


@_scene()
def _few_changes(syncs: Syncs) -> None:
    """Four issues are edited, one is new, one has a comment."""
    for project in ("OPS", "WEB"):
        for issue in _issues(syncs, project)[:2]:
            _edit(syncs, issue, "edited")
    syncs.space.create_issue("APP", summary="new")
    syncs.space.comment(_issues(syncs)[3], "said")
    _load(syncs)


@_scene()
def _many_changes(syncs: Syncs) -> None:
    """450 issues are new; the table of issues alone."""
    _import(syncs, "WEB")
    syncs.sim.requests.clear()
    syncs.issues(mode="incremental")


@_scene()
def _changes_broken_off(syncs: Syncs) -> None:
    """A pass over 450 new issues is broken off; after more changes, the next load."""
    _import(syncs, "WEB")
    _break_off(syncs, lambda: syncs.issues(mode="incremental"), after=9)
    _edit(syncs, _issues(syncs)[0], "meanwhile")
    syncs.issues(mode="incremental")


@_scene(loaded=False)
def _snapshot_broken_off(syncs: Syncs) -> None:
    """The first read of 450 issues is broken off; after more changes, the next load."""
    _break_off_first(syncs)
    _edit(syncs, _issues(syncs)[0], "meanwhile")
    syncs.issues("OPS", mode="incremental")


@_scene(loaded=False)
def _snapshot_proves_nothing(syncs: Syncs) -> None:
    """The same, and an issue of the part that was read is gone, which no feed reports."""
    _break_off_first(syncs)
    syncs.space.delete_issue(_issues(syncs)[0])
    syncs.sim.faults.add(Fault(status=403, path=".*/activities", times=None))
    syncs.issues("OPS", mode="incremental")


@_scene()
def _deleted(syncs: Syncs) -> None:
    """An issue with children is deleted."""
    syncs.space.delete_issue(next(one for one in _issues(syncs) if syncs.space.children.get(one)))
    _load(syncs)


@_scene()
def _deleted_unseen(syncs: Syncs) -> None:
    """An issue is deleted, and the feed is refused."""
    syncs.space.delete_issue(_issues(syncs, "WEB")[0])
    syncs.sim.faults.add(Fault(status=403, path=FEED, times=None))
    _load(syncs)


@_scene()
def _moved(syncs: Syncs) -> None:
    """An issue moves to another project."""
    syncs.space.move_issue(_issues(syncs)[0], "WEB")
    _load(syncs)


@_scene()
def _renamed(syncs: Syncs) -> None:
    """A project gets another key."""
    syncs.space.rename_project("WEB", key="SITE")
    _load(syncs)


@_scene()
def _archived(syncs: Syncs) -> None:
    """A project is archived, and lists no issues any more; the table of issues, whole."""
    syncs.space.archive_project("WEB")
    syncs.sim.switch(archived_issues_listed=False)
    syncs.sim.requests.clear()
    syncs.issues()


@_scene()
def _spoiled_pass(syncs: Syncs) -> None:
    """Two projects have changes, and one refuses its issues."""
    for project in ("OPS", "WEB"):
        _edit(syncs, _issues(syncs, project)[0], "edited")
    refuse(syncs, "WEB", Fault(status=403, path="/issues"))
    _load(syncs)


@_scene()
def _joined_project(syncs: Syncs) -> None:
    """The key's user joins a project that was hidden."""
    leave(syncs, "WEB", syncs.space.administrator.id)
    syncs.listing()
    syncs.run(mode="incremental")
    syncs.sim.clock.advance(HOUR)
    syncs.space.add_member("WEB", syncs.space.administrator.id)
    _load(syncs)


@_scene()
def _lost_project(syncs: Syncs) -> None:
    """A project is deleted; the table of projects, then all changes."""
    syncs.space.delete_project("WEB")
    syncs.sim.requests.clear()
    syncs.listing("projects")
    syncs.run(mode="incremental")


@_scene()
def _trimmed_feed(syncs: Syncs) -> None:
    """The source has trimmed its feed for a month."""
    syncs.sim.switch(activity_retention_days=2)
    syncs.sim.clock.advance(30 * 24 * HOUR)
    syncs.space.comment(_issues(syncs)[0], "seen")
    _load(syncs)


@_scene()
def _quarantined(syncs: Syncs) -> None:
    """Two issues cannot be stored, one has no id; the load after that."""
    bad, nameless = _issues(syncs)[:2]
    for issue in (bad, nameless):
        _edit(syncs, issue, "edited")

    spoil(syncs, {bad: ESTIMATE_OF_NO_NUMBER, nameless: {"id": None}})
    syncs.run(mode="incremental")
    syncs.sim.clock.advance(HOUR)
    _load(syncs)


@_scene()
def _bad_comments(syncs: Syncs) -> None:
    """The comments of three issues are refused; the load after that."""
    chosen = _issues(syncs)[:3]
    for issue in chosen:
        syncs.space.comment(issue, "said")
        syncs.sim.faults.add(Fault(status=403, path=f"/issues/{issue}/comments", times=None))
    syncs.run(mode="incremental")
    _load(syncs)


@_scene()
def _refresh(syncs: Syncs) -> None:
    """The rolling refresh of a night."""
    _load(syncs, mode="refresh")


@_scene()
def _months(syncs: Syncs) -> None:
    """A backfill of three months of two projects."""
    syncs.sim.requests.clear()
    syncs.run("OPS", "WEB", mode="backfill", first="2026-04", last="2026-06")


@_scene()
def _backfill(syncs: Syncs) -> None:
    """A backfill of everything."""
    _load(syncs, mode="backfill")


@_scene()
def _targeted(syncs: Syncs) -> None:
    """A run for what the feed requests."""
    issue, other = _issues(syncs)[:2]
    syncs.space.link_file(issue)
    _edit(syncs, other, "edited")
    _load(syncs, mode="targeted")


@_scene()
def _verified(syncs: Syncs) -> None:
    """One issue is new; the numbers are compared, then every row."""
    syncs.space.create_issue("APP", summary="new")
    syncs.sim.requests.clear()
    syncs.compare("count")
    syncs.compare()
