"""dbt, run as a file: a process that ends at once, and with the one that started it.

To give back its memory, object by object, takes it a third of a second. And a build whose run was killed holds no lock any more:
the next one would meet it.
"""

import os
import sys
import threading
import time

from dbt.cli.main import cli

LOOK_SECONDS = 0.5


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    try:
        cli()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
