"""A code server in a container: ends the runs that the container before it took along, then becomes Dagster's own server.

The runs of a location work in the container of its code server. When that is replaced, nobody tells Dagster of the runs that were
at work: they would count as such for twelve hours, and keep all others of their kind waiting.

Add here: what must be right before a location serves. Keep out: definitions; runs in pods or workers, which Dagster watches.
"""

import os
import sys

from pipelines.environment import open_instance
from pipelines.runs import end_lost_runs
from resources.settings import Settings, SettingsError
from resources.warehouse.errors import WarehouseError

_SERVER = (sys.executable, "-m", "dagster", "code-server", "start", "-m", "pipelines.definitions")


def main() -> None:
    """End the lost runs of this location, and become its code server."""
    try:
        settings = Settings.of_this_process()
        with open_instance() as instance:
            for run_id in end_lost_runs(instance, settings.dagster_location):
                sys.stderr.write(f"backlog-elt: run {run_id} worked in a container that is gone: marked as failed\n")
    except (SettingsError, WarehouseError) as error:
        sys.exit(f"Error: {error}")
    os.execv(_SERVER[0], [*_SERVER, *sys.argv[1:]])  # noqa: S606 - our own process


if __name__ == "__main__":
    main()
