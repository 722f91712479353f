"""Whether the source answers: one light look at Backlog, only when somebody asks and then seldom, since its requests are scarce.

What all processes have seen of it is in the warehouse (`resources/warehouse/conditions.py`), and counts more than an older look.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.credentials import auth_of
from resources.settings import Settings
from resources.warehouse.conditions import Condition, Observed
from service.cache import EXPIRY

#: The longest that the retries of a look may wait, and the source may say nothing.
PATIENCE_SECONDS = 5.0
#: A source that did not answer is asked again sooner.
AGAIN_SECONDS = 30.0


@dataclass(frozen=True)
class SourceState:
    """What a look has found; `connected` is None when there was none.

    `noted`: it has failed by a condition of the source, which stands in the warehouse as long as it lasts.
    """

    connected: bool | None = None
    space_key: str | None = None
    error: str | None = None
    checked_at: datetime | None = None
    rate_limit: dict[str, dict[str, Any]] = field(default_factory=dict)
    noted: bool = False

    @property
    def seconds(self) -> float:
        """How long it is believed."""
        return EXPIRY["source"] if self.connected else AGAIN_SECONDS

    def given(self, condition: Condition | None) -> "SourceState":
        """Return what is known together with the condition that the source is in now: newer than the look, whoever has met it."""
        if condition is not None and condition.disconnected:
            return replace(self, connected=False, error=condition.message)
        return replace(self, connected=True, error=None) if self.noted else self


def look(settings: Settings, engine: Callable[[], Engine]) -> SourceState:
    """Ask the source who it is and what is left of its rate limits: two requests of the bucket `read`.

    `engine` gives one on the warehouse, where the condition of the source is noted, and the tokens of OAuth are.
    """
    now = datetime.now(UTC)
    if not settings.backlog_url:
        return SourceState(error="BACKLOG_URL is not set: give it to the service too, as to what loads", checked_at=now)
    observed = Observed(engine, settings.backlog_url, runs=0)
    try:
        with BacklogClient(
            settings.backlog_url,
            auth_of(settings, engine() if settings.oauth else None),
            reserve=settings.rate_reserve,
            observe=observed,
            max_wait=PATIENCE_SECONDS,
            timeout=PATIENCE_SECONDS,
        ) as client:
            space = str(client.space()["spaceKey"])
            limits = {name: asdict(limit) for name, limit in client.rate_limit().items()}
    except (BacklogError, KeyError) as error:
        return SourceState(connected=False, error=str(error), checked_at=now, noted=observed.kind is not None)
    return SourceState(connected=True, space_key=space, checked_at=now, rate_limit=limits)
