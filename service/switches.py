"""Pauses and resumes schedules and sensors, as Dagster's own UI does."""

from service.cache import Cache
from service.dagster_runs import Dagster
from service.error_answers import ApiError
from service.models import Switched
from service.overview import SHOWN


class Switches:
    """Switches schedules and sensors of this space that start a load, a count or a build."""

    def __init__(self, dagster: Dagster, cache: Cache) -> None:
        self._dagster = dagster
        self._cache = cache

    async def switch(self, name: str, *, on: bool) -> Switched:
        """Let a schedule or a sensor tick, or not; it may be as it shall be already.

        Raises:
            ApiError: there is none of that name, or Dagster cannot be reached or refuses.
        """
        try:
            found = await self._dagster.instigators()
            if name not in found or name not in {one.name for one in SHOWN}:
                raise ApiError(
                    404,
                    "unknown_schedule",
                    f"No schedule and no sensor has the name {name!r}.",
                    "Their names are in /api/v1/sync/schedules.",
                )
            await self._dagster.switch(found[name], on=on)
        finally:
            # What was shown is out of date: by this, or before.
            self._cache.drop("schedules")
        return Switched(name=name, on=on)
