"""Whether the source answers: two requests to Backlog, made only for a client of the service, and
rarely, since they are scarce.

What all processes found is in the warehouse (`resources/warehouse/state/seen_conditions.py`). It
counts more than an older result of these.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError, RateLimited
from resources.credentials import auth_of
from resources.problems.causes import Failure
from resources.settings import Settings
from resources.warehouse.state.seen_conditions import Condition, Observed
from service.cache import EXPIRY

#: The longest wait for an answer, and for retries.
PATIENCE_SECONDS = 5.0
#: A source that did not answer is asked again sooner.
AGAIN_SECONDS = 30.0


@dataclass(frozen=True)
class SourceState:
    """What the requests found; `connected` is None when none was made.

    `noted`: they failed by a condition of the source, which is in the warehouse as long as it
        lasts.
    """

    connected: bool | None = None
    space_key: str | None = None
    error: str | None = None
    cause: str | None = None
    checked_at: datetime | None = None
    rate_limit: dict[str, dict[str, Any]] = field(default_factory=dict)
    noted: bool = False

    @property
    def seconds(self) -> float:
        """How long this is cached."""
        return EXPIRY["source"] if self.connected else AGAIN_SECONDS

    def given(self, condition: Condition | None) -> "SourceState":
        """Return this together with the current condition of the source, which is newer, whichever
        process found it.
        """
        if condition is not None and condition.disconnected:
            return replace(self, connected=False, error=condition.message, cause=condition.cause)
        return replace(self, connected=True, error=None, cause=None) if self.noted else self


def look(
    settings: Settings, engine: Callable[[], Engine], patience: float = PATIENCE_SECONDS
) -> SourceState:
    """Ask the source for its space and its rate limits: two requests of the bucket `read`.

    Args:
        settings: which space, and what signs requests.
        engine: returns one on the warehouse, which holds the conditions of the source and the
            tokens of OAuth.
        patience: seconds until the source says something, and those that retries may wait.
    """
    now = datetime.now(UTC)
    if not settings.backlog_url:
        return SourceState(
            error="BACKLOG_URL is not set: the service needs it as the loads do", checked_at=now
        )
    observed = Observed(engine, settings.backlog_url, runs=0)
    try:
        with BacklogClient(
            settings.backlog_url,
            auth_of(settings, engine() if settings.oauth else None),
            reserve=settings.rate_reserve,
            observe=observed,
            max_wait=patience,
            timeout=patience,
            megabytes=settings.answer_megabytes,
        ) as client:
            space = str(client.space()["spaceKey"])
            limits = {name: asdict(limit) for name, limit in client.rate_limit().items()}
    except (BacklogError, KeyError) as error:
        return SourceState(
            # A source whose limit is used up does answer.
            connected=isinstance(error, RateLimited),
            error=str(error),
            cause=Failure.of(error).cause,
            checked_at=now,
            noted=observed.kind is not None,
        )
    return SourceState(connected=True, space_key=space, checked_at=now, rate_limit=limits)
