"""The code server of `up` and of containers: Dagster's own server, which also ends the runs that
the one before it took along.

The runs of a location work below its code server. When that is killed or replaced, Dagster does not
learn of the runs that were at work: they would count as such for twelve hours, and keep all others
of their kind waiting. They are ended when the server serves: Dagster starts them once more then,
and asks the server for that.
"""

import argparse
import os
import runpy
import sys
import threading
import time
from collections.abc import Sequence

import dagster as dg

from pipelines.hosting.environment import open_instance
from pipelines.hosting.ports import is_free
from pipelines.runs import end_runs, runs_of_code_server
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.warehouse_errors import WarehouseError

#: Without the proxy of `dagster code-server start`, which goes on, and answers health checks, when
#: the server behind it has died.
SERVER = ("api", "grpc", "-m", "pipelines.definitions")
READY_SECONDS = 300.0


def prepare(options: Sequence[str]) -> None:
    """See that the server can work, and end the runs of an earlier one once this one serves;
    `options` are those of `dagster api grpc`.

    Raises:
        SettingsError: a variable is wrong.
        WarehouseError: Dagster's database cannot be used.
    """
    settings = Settings.of_this_process()
    channels(Addresses.from_env(os.environ))  # a wrong one is reported here, not by a tick
    with open_instance() as instance:
        lost = runs_of_code_server(instance, settings.dagster_location)
    if lost:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("-p", type=int, dest="port", required=True)
        port = parser.parse_known_args(options)[0].port
        threading.Thread(target=end_lost, args=(port, lost), daemon=True).start()


def end_lost(port: int, run_ids: Sequence[str]) -> None:
    """Mark runs as ended as soon as the server on a port serves."""
    end = time.monotonic() + READY_SECONDS
    while is_free(port) and time.monotonic() < end:
        time.sleep(1.0)
    with dg.DagsterInstance.get() as instance:
        for run_id in end_runs(instance, run_ids, "its code server is gone"):
            said = f"run {run_id} ran below a code server that is gone: marked as ended"
            sys.stderr.write(f"backlog-elt: {said}\n")


def main() -> None:
    """Serve until somebody ends it."""
    try:
        prepare(sys.argv[1:])
    except (SettingsError, WarehouseError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    sys.argv[1:1] = SERVER
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
