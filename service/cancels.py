"""Cancels runs: through Dagster, which ends them as its own UI does."""

from resources.dagster_tags import CODE_LOCATION_TAG
from service.cache import Cache
from service.dagster_runs import Dagster, Run
from service.error_answers import ApiError
from service.logged_runs import LoggedRuns
from service.models import Canceling

_ENDED = {
    "completed": "has completed already",
    "failed": "has failed already",
    "canceled": "was canceled already",
}


class Cancels:
    """Cancels runs of this space."""

    def __init__(self, dagster: Dagster, logged: LoggedRuns, cache: Cache) -> None:
        self._dagster = dagster
        self._logged = logged
        self._cache = cache

    async def cancel(self, run_id: str) -> Canceling:
        """Ask a run to end; one that is being canceled already is left to it.

        Raises:
            ApiError: no such run is known, it has ended, it cannot be canceled from here, or
                Dagster cannot be reached or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        run = await self._known(run_id)
        if run.state != "canceling":
            said = await self._dagster.terminate(run)
            for kind in ("dagster", "active", "run"):
                self._cache.drop(kind)
            if said is not None:
                # It may have ended while it was asked to.
                await self._known(run_id)
                raise ApiError(
                    409,
                    "not_cancelable",
                    f"Dagster cannot end this run: {said}",
                    "The page of the run in Dagster says more.",
                    run_id=run_id,
                    status_url=self._dagster.run_url(run_id),
                )
        return Canceling(run_id=run_id, state="canceling", status_url=self._dagster.run_url(run_id))

    async def _known(self, run_id: str) -> Run:
        """Return a run that has not ended."""
        run = await self._logged.find(run_id)
        if run is not None and run.ended:
            raise ApiError(
                409,
                "already_ended",
                f"The run {_ENDED[run.state]}.",
                "There is nothing to cancel.",
                run_id=run_id,
                status_url=self._dagster.run_url(run_id),
            )
        if run is None or CODE_LOCATION_TAG not in run.tags:
            # Dagster would call the run canceled, and its command would go on.
            raise ApiError(
                409,
                "not_cancelable",
                "This is the run of a command: Dagster cannot end it.",
                "End it where it was started, with Ctrl+C.",
                run_id=run_id,
            )
        return run
