"""The code server of `up` and of containers: Dagster's own server, which also ends the runs that
the one before it took along.

The runs of a location work below its code server. Dagster does not learn that they ended with it:
they would count as at work for twelve hours, and keep all others of their kind waiting. They are
ended when the server serves, since Dagster starts them once more then, and asks the server for it.
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
from pipelines.living_runs import end_runs, runs_of_code_server
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.warehouse_errors import WarehouseError

#: Without the proxy of `dagster code-server start`, which goes on, and answers health checks, when
#: the server behind it has died.
SERVER = ("api", "grpc", "-m", "pipelines.definitions")
READY_SECONDS = 300.0


def _lost_runs() -> list[str]:
    """See that the server can work, and return the runs of an earlier one.

    Raises:
        SettingsError: a variable is wrong.
        WarehouseError: Dagster's database cannot be used.
    """
    settings = Settings.of_this_process()
    channels(Addresses.from_env(os.environ))  # a wrong one is reported here, not by a tick
    with open_instance() as instance:
        return runs_of_code_server(instance, settings.dagster_location)


def _end_lost(port: int, run_ids: Sequence[str]) -> None:
    """Mark runs as ended as soon as the server on a port serves."""
    end = time.monotonic() + READY_SECONDS
    while is_free(port) and time.monotonic() < end:
        time.sleep(1.0)
    with dg.DagsterInstance.get() as instance:
        for run_id in end_runs(instance, run_ids, "its code server is gone"):
            said = f"run {run_id} ran below a code server that is gone: marked as ended"
            sys.stderr.write(f"backlog-elt: {said}\n")


def main() -> None:
    """Serve until somebody ends it, with the options of `dagster api grpc`."""
    try:
        lost = _lost_runs()
    except (SettingsError, WarehouseError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    if lost:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("-p", type=int, dest="port", required=True)
        port = parser.parse_known_args()[0].port
        threading.Thread(target=_end_lost, args=(port, lost), daemon=True).start()
    sys.argv[1:1] = SERVER
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
