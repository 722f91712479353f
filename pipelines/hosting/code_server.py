"""A code server in a container: becomes Dagster's own server, and ends the runs that the container
before it took along.

The runs of a location work in the container of its code server. When that is replaced, Dagster does
not learn of the runs that were at work: they would count as such for twelve hours, and keep all
others of their kind waiting. They are ended when the server serves: Dagster starts them once more
then, and asks the server for that.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

import dagster as dg

from pipelines.hosting.environment import open_instance
from pipelines.runs import end_runs, runs_of_code_server
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.warehouse_errors import WarehouseError

#: Without the proxy of `dagster code-server start`, which goes on, and answers health checks, when
#: the server behind it has died.
SERVER = (sys.executable, "-m", "dagster", "api", "grpc", "-m", "pipelines.definitions")
#: Ends with 0 when the server on a port, which follows, serves.
IS_SERVING = (sys.executable, "-m", "dagster", "api", "grpc-health-check", "-p")
#: The word that makes this module end runs instead of serving.
END = "--end"
READY_SECONDS = 300.0


def serve(options: Sequence[str]) -> None:
    """Become the code server of this location; `options` are those of `dagster api grpc`.

    The settings are checked first. Runs that an earlier server took along are ended once this one
    serves.

    Raises:
        SettingsError: a variable is wrong.
        WarehouseError: Dagster's database cannot be used.
    """
    settings = Settings.of_this_process()
    channels(Addresses.from_env(os.environ))  # a wrong one is reported here, not by a tick
    with open_instance() as instance:
        lost = runs_of_code_server(instance, settings.dagster_location)
    if lost:
        port = options[len(options) - 1 - list(reversed(options)).index("-p") + 1]
        # Next to the server, which this process becomes.
        words = [sys.executable, "-m", "pipelines.hosting.code_server", END, port, *lost]
        subprocess.Popen(words)  # noqa: S603 - our own module
    os.execv(SERVER[0], [*SERVER, *options])  # noqa: S606 - our own process


def end_lost(port: int, run_ids: Sequence[str]) -> None:
    """Mark runs as ended as soon as the server on a port serves."""
    end = time.monotonic() + READY_SECONDS
    while not _serves(port) and time.monotonic() < end:
        time.sleep(1.0)
    with dg.DagsterInstance.get() as instance:
        for run_id in end_runs(instance, run_ids, "its container is gone"):
            sys.stderr.write(
                f"backlog-elt: run {run_id} ran in a container that is gone: marked as ended\n"
            )


def _serves(port: int) -> bool:
    # It says on standard error why it does not, as it does for the first seconds.
    words = [*IS_SERVING, str(port)]
    done = subprocess.run(words, stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - Dagster's
    return not done.returncode


def main() -> None:
    """Do what the words say."""
    try:
        if sys.argv[1:2] == [END]:
            end_lost(int(sys.argv[2]), sys.argv[3:])
        else:
            serve(sys.argv[1:])
    except (SettingsError, WarehouseError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2 if isinstance(error, SettingsError) else 1)


if __name__ == "__main__":
    main()
