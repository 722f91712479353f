"""`python -m pipelines.hosting.clock` looks after a daemon that is Dagster's own, as in Kubernetes:
what it has stored of times ahead is taken back, again and again.

`pipelines/hosting/daemon.py` does that by itself.
"""

import time

import dagster as dg

from assets.dagster_internals import take_back

LOOK_SECONDS = 10.0


def main() -> None:
    """Look until somebody ends it, or Dagster's database is away."""
    with dg.DagsterInstance.get() as instance:
        while True:
            take_back(instance, time.time())
            time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
