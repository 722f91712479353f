"""The input of a scan, and its proof.

Holds: `Window` and `CompletenessProof`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

ONE_PAGE, COUNTED, SEAMS = HOW = ("one page", "counts agree", "seams hold")


@dataclass(frozen=True)
class Window:
    """Issues of some projects with `since <= updated < until`; None means no bound. Instants need a
    time zone.
    """

    project_ids: tuple[int, ...]
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"a window needs instants with a zone, got {moment}")

    def holds(self, moment: datetime) -> bool:
        """Return whether an `updated` is in the window."""
        return (self.since is None or self.since <= moment) and (
            self.until is None or moment < self.until
        )


@dataclass(frozen=True)
class CompletenessProof:
    """Why a scan is complete, and its cost.

    `how` is one of:
    - "one page": one answer held everything.
    - "counts agree": no page seam skipped a row, and `/issues/count` after the pass equals the
    number of ids. Where ties leave no seam to check, the count before the pass equals the ids that
    existed then.
    - "seams hold": no seam skipped a row. The source changed meanwhile, and the count shows none
    missing.

    `pages` are requests of `/issues`, `retries` steps back at a seam, `rows` the distinct ids
    before the cut to the window, including those deleted meanwhile. `count` is None where it was
    not needed. `resumed`: an earlier scan had read the first part, and a seam joins the two; `rows`
    and `pages` are those of this scan.
    """

    how: str
    passes: int
    pages: int
    rows: int
    count: int | None
    retries: int
    resumed: bool = False

    def __str__(self) -> str:
        """Describe it, as `counts agree: 415 issues in 5 pages, passes: 1, retries: 0`."""
        how = f"resumed, {self.how}" if self.resumed else self.how
        return (
            f"{how}: {self.rows} issues in {self.pages} pages, passes: "
            f"{self.passes}, retries: {self.retries}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it in a form for JSON; `resumed` is included only when true."""
        facts = asdict(self)
        return (
            facts
            if self.resumed
            else {name: fact for name, fact in facts.items() if name != "resumed"}
        )

    def __add__(self, other: "CompletenessProof") -> "CompletenessProof":
        """Join the proofs of two disjoint sets of projects; the result has the weaker `how`."""
        return CompletenessProof(
            max(self.how, other.how, key=HOW.index),
            max(self.passes, other.passes),
            self.pages + other.pages,
            self.rows + other.rows,
            _plus(self.count, other.count),
            self.retries + other.retries,
            self.resumed or other.resumed,
        )


def _plus(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
