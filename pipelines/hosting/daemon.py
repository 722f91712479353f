"""Dagster's daemon: `python -m pipelines.hosting.daemon run …` is `dagster-daemon run …`.

As a module, it runs with the Python of its parent, wherever that keeps its scripts.
"""

import sys
from importlib.metadata import entry_points


def main() -> None:
    """Run the command that Dagster has installed."""
    [command] = entry_points(group="console_scripts", name="dagster-daemon")
    sys.exit(command.load()())


if __name__ == "__main__":
    main()
