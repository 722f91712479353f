"""The late project: planned completely at its start, it takes on more work and postpones its dates
repeatedly. Its comments explain why.
"""

from functools import partial

from simulator.board import Board, Job
from simulator.deeds import Deeds
from simulator.masters import CLOSED, IN_PROGRESS, Version
from simulator.model import Issue
from simulator.themes import BUG, OTHER, REQUEST, TASK
from simulator.worktime import iso

#: Name of each phase, its share of the work, and the indexes of its theme's actions.
PHASES = (
    ("要件定義", 0.12, (0,)),
    ("基本設計", 0.2, (1, 2)),
    ("製造", 0.38, (3, 4, 5, 6)),
    ("結合テスト", 0.2, (7, 8, 9)),
    ("受け入れ・公開", 0.1, (10,)),
)
PLAN = "公開リリース計画"
#: When dates are postponed, as shares of the project's time; and the factors by which the plan
#: overestimates the team, from the start and after each of these days.
MOVES = (0.22, 0.4, 0.56)
HOPES = (1.2, 1.22, 1.22, 1.15)
#: When more work is added, and its share of all issues; the share of time after which faults are
#: found.
SCOPE, MORE, FAULTS = (0.3, 0.47, 0.66), 0.09, 0.45
PLANNED = 0.62
_REASONS = (
    "決済代行会社のAPI仕様の確定が2週間遅れたため、後続の日程を見直しました。公開日を{due}に変更します。",
    "追加要望の取り込みと設計の手戻りのため、期限を再度延期します。公開日は{due}の予定です。",
    "要員の増員が認められず、結合テスト以降の日程を引き直しました。公開日を{due}に変更します。",
)
_MOVED = (
    "全体日程の見直しに伴い、期限を変更します（「公開リリース計画」を参照）。",
    "仕様の確定待ちのため、期限を延ばします。",
    "追加要望を先に対応するため、期限を変更します。",
)
_SCOPE = "お客様の変更要求（第{}回）による追加要望です。見積もりは別途提示済みです。"
_REPORTS = (
    (0.97, "予定通りです。"),
    (0.9, "やや遅れていますが、今月中に取り戻す見込みです。"),
    (0.0, "遅れています。{}"),
)
#: Reasons for the delay: at first, and after each postponement.
_CAUSES = (
    "決済代行会社からAPI仕様の回答がまだ来ていません。",
    "追加要望の影響が大きく、日程の見直しを相談させてください。",
    "設計の手戻りが続いています。要員の増員を相談させてください。",
    "追加要望と結合テストの不具合対応が重なっています。",
)


class Plight:
    """Files the issues of the late project, day by day."""

    def __init__(self, deeds: Deeds, board: Board) -> None:
        self.deeds, self.board = deeds, board
        self.total = board.unmade
        self.span = [day for day in deeds.days if board.begin <= day <= board.end]
        self.phases: list[Version] = []
        self.jobs: list[tuple[int, Job]] = []
        self.issue: Issue | None = None
        self._moves = {self._day(share): turn for turn, share in enumerate(MOVES)}
        self._scope = {self._day(share): turn for turn, share in enumerate(SCOPE, 1)}

    def file(self, day: int, opening: int) -> None:
        """File the planned, added and found issues of a day, and postpone dates."""
        if not self.phases:
            self._begin(day, opening)
        if (turn := self._moves.get(day)) is not None:
            due = self._schedule(day, HOPES[turn + 1])
            move = partial(self._move, reason=_REASONS[turn], due=due)
            self.deeds.then(opening + 7 * 3_600, move)
        if (number := self._scope.get(day)) is not None:
            for _ in range(min(round(MORE * self.total), self.board.unmade)):
                self._more(day, opening, number)
        place = self.span.index(day)
        left = len(self.span) - place
        if place >= FAULTS * len(self.span) and self.board.unmade > MORE * self.total * sum(
            one > day for one in self._scope
        ):
            spare = self.board.unmade - MORE * self.total * sum(one > day for one in self._scope)
            if self.deeds.rng.random() < spare / left:
                self._found(opening)
        if place % 10 == 4:
            self.deeds.then(opening + 8 * 3_600, self._report)

    def _day(self, share: float) -> int:
        return self.span[int(share * (len(self.span) - 1))]

    def _begin(self, day: int, opening: int) -> None:
        """File the plan of the whole project in its first days."""
        deeds, board, rng = self.deeds, self.board, self.deeds.rng
        project = board.project
        self.phases = [
            deeds.world.add_version(project.id, name, start=iso(day), due=iso(day), at=opening)
            for name, *_ in PHASES
        ]
        subjects, actions = deeds.theme(project).kinds[TASK]
        count = max(1, round(PLANNED * self.total) - 1)
        for number in range(min(count, board.unmade)):
            phase = self._phase(number / count)
            chosen = [actions[one] for one in PHASES[phase][2] if one < len(actions)] or actions
            at = opening + rng.randrange(300, 1_100)
            if number >= 10:
                at = deeds.time.opening(self.span[min(number * 8 // count, len(self.span) - 1)])
                at += rng.randrange(300, 30_000)
            job = deeds.file(
                board,
                at,
                deeds.size(board, TASK),
                kind=TASK,
                summary=rng.choice(subjects) + rng.choice(chosen),
                days=0,
                milestone=self.phases[phase],
            )
            self.jobs.append((phase, job))
        self._schedule(day, HOPES[0])
        self._date_phases()
        if board.unmade:
            board.unmade -= 1
            deeds.then(opening + 1_150, self._make_plan)

    def _phase(self, share: float) -> int:
        reached = 0.0
        for place, (_, part, _) in enumerate(PHASES):
            reached += part
            if share < reached:
                return place
        return len(PHASES) - 1

    def _make_plan(self, at: int) -> None:
        lead = self.board.team[0]
        self.issue = self.deeds.world.create_issue(
            self.board.project.id,
            summary=PLAN,
            description="公開までの全体日程です。日程の変更と進捗はこの課題のコメントで報告します。",
            by=lead,
            at=at,
            type_id=list(self.board.project.issue_types)[OTHER],
            status_id=IN_PROGRESS,
            assignee_id=lead,
            start_date=iso(self.span[0]),
            due_date=self.phases[-1].due,
            milestone_ids=(self.phases[-1].id,),
        )

    def _schedule(self, day: int, hope: float) -> int:
        """Set the dates of the remaining plan from a day on; return the last one."""
        pace, reached = max(self.board.pace * hope, 0.01), 0.0
        last = day
        for _, job in sorted(self.jobs, key=lambda row: (row[0], row[1].number)):
            if not job.is_done:
                reached += job.left
                job.due = job.rank = last = self.deeds.ahead(day, 1 + reached / pace)
        self.board.sort()
        return last

    def _date_phases(self) -> None:
        """Set the end of each phase to its last due date."""
        begin = iso(self.span[0])
        for place, version in enumerate(self.phases):
            dues = [iso(job.due) for phase, job in self.jobs if phase == place]
            version.start, version.due = begin, max([begin, *dues])
            begin = version.due

    def _move(self, at: int, reason: str, due: int) -> None:
        """Postpone the milestones and remaining issues, with a reason."""
        deeds, lead = self.deeds, self.board.team[0]
        for place, version in enumerate(self.phases):
            dues = [iso(job.due) for phase, job in self.jobs if phase == place and not job.is_done]
            if dues and max(dues) > (version.due or ""):
                deeds.world.reschedule_version(
                    self.board.project.id, version.id, max(dues), by=lead, at=at
                )
        if self.issue is not None:
            said = reason.format(due=iso(due))
            deeds.world.edit_issue(self.issue, by=lead, at=at, comment=said, due_date=iso(due))
        for place, (_, job) in enumerate(self.jobs):
            deeds.then(at + 5 * (place + 1), partial(self._move_one, job=job, lead=lead))

    def _move_one(self, at: int, job: Job, lead: int) -> None:
        issue, new = job.issue, iso(job.due)
        if issue is None or job.is_done or issue.status_id == CLOSED or not issue.due_date:
            return
        if issue.due_date < new:
            said = self.deeds.rng.choice(_MOVED) if self.deeds.rng.random() < 0.3 else ""
            self.deeds.world.edit_issue(issue, by=lead, at=at, comment=said, due_date=new)

    def _more(self, day: int, opening: int, number: int) -> None:
        """Add one more request."""
        deeds, rng = self.deeds, self.deeds.rng
        job = deeds.file(
            self.board,
            opening + rng.randrange(5 * 3_600, 7 * 3_600),
            deeds.size(self.board, REQUEST),
            kind=REQUEST,
            summary="【追加要望】" + deeds.summary(self.board.project, REQUEST),
            days=rng.uniform(12, 40),
            milestone=self.phases[2],
        )
        job.note = _SCOPE.format(number)
        self.jobs.append((2, job))

    def _found(self, opening: int) -> None:
        """File a fault in the current phase."""
        deeds, board = self.deeds, self.board
        phase = min((place for place, job in self.jobs if not job.is_done), default=0)
        job = deeds.file(
            board,
            opening + deeds.rng.randrange(8 * 3_600),
            deeds.size(board, BUG),
            kind=BUG,
            days=deeds.rng.uniform(4, 10),
            milestone=self.phases[phase],
        )
        self.jobs.append((phase, job))

    def _report(self, at: int) -> None:
        """Comment on the progress of the project."""
        if self.issue is None:
            return
        today = iso(self.deeds.time.number(at))
        made = [job.issue for _, job in self.jobs if job.issue is not None]
        due = [issue for issue in made if issue.due_date and issue.due_date < today]
        done = sum(issue.status_id == CLOSED for issue in due)
        moved = sum(day < self.deeds.time.number(at) for day in self._moves)
        said = next(text for least, text in _REPORTS if done >= least * len(due))
        said = said.format(_CAUSES[moved])
        self.deeds.world.comment(
            self.issue,
            f"進捗報告: 期限を迎えた{len(due)}件のうち、{done}件が完了しました。{said}",
            by=self.board.team[0],
            at=at,
        )
