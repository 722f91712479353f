"""dbt, run as a file: a process that ends at once, and with the one that started it.

To give back its memory, object by object, takes it a third of a second. A build whose run was
killed holds no lock any more: the next one would run at the same time. The server still ends the
statement that it is at, and rolls it back.
"""

import os
import sys
import threading
import time

LOOK_SECONDS = 0.5


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    from dbt.cli.main import cli  # takes a second, in which it may be orphaned

    try:
        cli()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
