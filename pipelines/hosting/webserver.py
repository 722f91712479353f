"""Dagster's webserver behind a guard, and with the pictures of charts:
`python -m pipelines.hosting.webserver -h … -p … -w …`.

It is Dagster's own command, which takes no middleware. So the function by which it serves,
`uvicorn.run`, is replaced in this process by one that wraps the application. Where another version
of Dagster serves in another way, `tests/pipelines/hosting/test_webserver.py` fails.
"""

import os
import sys
from typing import Any

import uvicorn
from dagster_webserver.cli import main as dagster_webserver
from starlette.types import ASGIApp

from pipelines.hosting.chart_pictures import ChartPictures
from resources.links import root
from resources.variables import DAGSTER_PUBLIC_URL, DAGSTER_URL, SettingsError, text
from service.dagster_ui import DagsterPages
from service.origins import Names, is_loopback


def names(host: str, *urls: str | None) -> Names:
    """Return the names of a webserver that listens on a host and is reached under some URLs."""
    return Names.of(*urls, f"http://{host}", addresses=not is_loopback(host))


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    try:
        urls = [root(name, text(os.environ, name)) for name in (DAGSTER_URL, DAGSTER_PUBLIC_URL)]
    except SettingsError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
    run = uvicorn.run

    def run_guarded(app: ASGIApp, *, host: str, **options: Any) -> None:
        # httptools would take a head of any size.
        guarded = DagsterPages(ChartPictures(app), names(host, *urls))
        run(guarded, host=host, http="h11", **options)

    uvicorn.run = run_guarded  # type: ignore[assignment]
    dagster_webserver()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
