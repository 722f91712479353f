"""Whether the source answers: one light look at Backlog, only when somebody asks and then seldom, since its requests are scarce.

Add here: another fact that such a look tells. Keep out: how long it is believed (`cache.py`), reading data (`pipelines`, `assets`).
"""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.credentials import auth_of
from resources.settings import Settings
from service.cache import EXPIRY

#: The longest that the retries of a look may wait, and the source may say nothing.
PATIENCE_SECONDS = 5.0
#: A source that did not answer is asked again sooner.
AGAIN_SECONDS = 30.0


@dataclass(frozen=True)
class SourceState:
    """What a look has found; `connected` is None when there was none."""

    connected: bool | None = None
    space_key: str | None = None
    error: str | None = None
    checked_at: datetime | None = None
    rate_limit: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it is believed."""
        return EXPIRY["source"] if self.connected else AGAIN_SECONDS


def look(engine: Engine | None, settings: Settings) -> SourceState:
    """Ask the source who it is and what is left of its rate limits: two requests of the bucket `read`.

    Access by OAuth needs an engine on the warehouse, where the tokens are.
    """
    now = datetime.now(UTC)
    if not settings.backlog_url:
        return SourceState(error="BACKLOG_URL is not set: give it to the service too, as to what loads", checked_at=now)
    try:
        auth = auth_of(settings, engine)
        with BacklogClient(
            settings.backlog_url, auth, reserve=settings.rate_reserve, max_wait=PATIENCE_SECONDS, timeout=PATIENCE_SECONDS
        ) as client:
            space = str(client.space()["spaceKey"])
            limits = {name: asdict(limit) for name, limit in client.rate_limit().items()}
    except (BacklogError, KeyError) as error:
        return SourceState(connected=False, error=str(error), checked_at=now)
    return SourceState(connected=True, space_key=space, checked_at=now, rate_limit=limits)
