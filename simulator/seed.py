"""The space at the end of its history: users, projects and masters, and two years of a team's work
in order.
"""

from collections import Counter
from functools import partial
from random import Random
from typing import Any

from simulator import texts
from simulator.board import style_of
from simulator.clock import DAY, Clock
from simulator.history import History
from simulator.masters import ADMINISTRATOR, CLOSED, LIST_KINDS, MEMBER
from simulator.model import Project
from simulator.sketch import day
from simulator.spec import SpaceSpec, Switches
from simulator.world import World

ROLES = (ADMINISTRATOR, MEMBER, MEMBER, 3, 4, 5, 6)
IMPORTED = 250
FIELDS = (
    (1, "外部参照"), (2, "Notes / メモ"), (3, "工数(人日)"), (4, "リリース日"),
    (5, "重要度"), (6, "対象OS"), (7, "Checklist"), (8, "環境"),
)  # fmt: skip
#: In spaces with at least so many projects the last one is archived.
ARCHIVING = 4


def build_world(
    spec: SpaceSpec, switches: Switches | None = None, clock: Clock | None = None
) -> World:
    """Return the space of a spec, with its history played through the same actions as people's
    edits.
    """
    world = World(spec, switches or Switches(), clock or Clock())
    rng = Random(spec.seed)  # noqa: S311 - data, not secrets
    with world.lock:
        begin = spec.end - spec.history_days * DAY
        _add_users(world, rng, begin)
        _add_projects(world, rng, begin)
        _play_history(world, rng, begin)
        if spec.projects >= ARCHIVING:
            world.archive_project(list(world.projects)[-1])
        world.touch_all()
    return world


def _add_users(world: World, rng: Random, begin: int) -> None:
    for index in range(world.spec.users):
        name, login = texts.PEOPLE[index % len(texts.PEOPLE)]
        turn = index // len(texts.PEOPLE)
        login, name = (f"{login}{turn}", f"{name} {turn}") if turn else (login, name)
        user = world.add_user(
            name,
            login=None if index % 5 == 3 else login,
            role=ROLES[index] if index < len(ROLES) else MEMBER,
            lang=None if index % 6 == 5 else ("ja", "en")[index % 2],
            mail=None if index % 7 == 4 else f"{login}@{world.spec.space_key}.test",
            nulab_id=None if index % 4 == 2 else f"u{rng.randrange(10**12):012d}",
        )
        user.last_login = None if index % 11 == 9 else begin + rng.randrange(DAY)
    if world.spec.users >= 4:
        people = list(world.users)
        for index, name in enumerate(texts.TEAMS):
            world.add_team(name, rng.sample(people, min(len(people), 2 + index)), at=begin)
        # Everybody belongs to one department, and departments do not join projects.
        for index, name in enumerate(texts.DEPARTMENTS):
            world.add_team(name, people[index :: len(texts.DEPARTMENTS)], at=begin)


def _add_projects(world: World, rng: Random, begin: int) -> None:
    people = list(world.users)
    for index in range(world.spec.projects):
        key, name = texts.PROJECTS[index % len(texts.PROJECTS)]
        turn = index // len(texts.PROJECTS)
        key, name = (f"{key}{turn + 1}", f"{name} {turn + 1}") if turn else (key, name)
        project = world.add_project(
            key,
            name,
            rule="backlog" if index % 3 == 1 else "markdown",
            order=index if index % 2 else 2_147_483_646,
        )
        for user in people[1:]:
            if rng.random() < 0.7 and world.users[user].last_login is not None:
                world.add_member(project.id, user, at=begin)
        if world.teams:
            world.add_project_team(
                project.id, list(world.teams)[index % len(texts.TEAMS)], at=begin
            )
        world.add_file(project.id, "specs", None, at=begin)
        world.add_file(project.id, "設計書.pdf", 10_240, directory="/specs/", at=begin)
        _add_masters(world, project, begin)


def _add_masters(world: World, project: Project, begin: int) -> None:
    ja = world.spec.lang == "ja"
    for japanese, english, color in texts.TYPES:
        label = japanese if ja else english
        template = (f"[{label}] ", "## 概要\r\n\r\n## 手順\r\n") if english == "Bug" else None
        world.add_issue_type(project.id, label, color, template=template)
    for japanese, english, color in texts.STATUSES:
        world.add_status(project.id, japanese if ja else english, color)
    for name in texts.CATEGORIES:
        world.add_category(project.id, name)
    quarters = max(2, world.spec.history_days // 90)
    for quarter in range(quarters):
        start = begin + quarter * 90 * DAY
        undated = quarter % 5 == 4
        version = world.add_version(
            project.id,
            f"v{quarter // 4 + 1}.{quarter % 4}",
            description=None if quarter % 2 else f"第{quarter + 1}四半期",
            start=None if undated else day(start, 0),
            due=None if undated else day(start, 89),
            at=begin,
        )
        version.archived = quarter < quarters // 2
    bug = list(project.issue_types)[1]
    extras: dict[int, dict[str, Any]] = {
        3: {"min": 0, "max": 1_000_000, "initialValue": 1.5, "unit": "人日"},
        4: {"min": None, "max": None, "initialDate": {"id": 2, "shift": 7}},
        7: {"allowAddItem": True, "allowInput": True},
        8: {"allowAddItem": False, "allowInput": True},
    }
    for kind, name in FIELDS:
        items = ("高", "Medium", "低 🐢", "未定") if kind in LIST_KINDS else ()
        extra = extras.get(kind, {"allowAddItem": True} if kind in LIST_KINDS else {})
        only = (bug,) if kind == 2 else ()
        world.add_field(
            project.id, kind, name, description="説明", issue_types=only, items=items, **extra
        )


def _play_history(world: World, rng: Random, begin: int) -> None:
    """Play the planned work, and in addition imports, mistakes and bulk edits."""
    history = History(world, rng, begin)
    end, total = world.spec.end, world.spec.issues
    if not total:
        return
    projects = list(world.projects.values())
    imported = min(IMPORTED, total // 10)
    summaries = [history.summary(projects[0], history.kind()) for _ in range(imported)]
    add = partial(
        world.import_issues,
        projects[0].id,
        imported,
        summaries=summaries,
        description="CSV import\r\n一括登録",
        status_id=CLOSED,
        resolution_id=0,
    )
    history.then(begin + 2 * DAY, lambda at: add(at=at))
    closing = begin + int((end - begin) * 0.7) if len(projects) >= ARCHIVING else end
    for _ in range(total // 50):
        project = rng.choice(projects)
        last = closing if project is projects[-1] else end
        made = begin + rng.randrange(max(1, last - begin - DAY))
        mistake = partial(_mistake, history=history, project=project)
        history.then(history.time.later(made, 24, rng), mistake)
    for turn in range(1, world.spec.history_days // 60):
        history.then(history.time.later(begin + 60 * DAY * turn, 0, rng), history.bulk)
    made_in = _shares(rng, projects, total - imported)
    history.play(made_in, {projects[-1].id: closing})


def _shares(rng: Random, projects: list[Project], count: int) -> dict[int, int]:
    """Return project id -> its number of issues."""
    weights = [style_of(place).weight for place in range(len(projects))]
    chosen = Counter(rng.choices([one.id for one in projects], weights, k=count))
    return dict(chosen)


def _mistake(at: int, history: History, project: Project) -> None:
    """File an issue that is deleted on the same day."""
    made = history.create_in(project, at, history.richness())
    gone = min(at + history.rng.randrange(DAY), history.end - 1)
    history.then(gone, lambda then: history.world.delete_issue(made, at=then))
