"""dbt, run as a file: a process that ends at once. To give back its memory, object by object, takes it a third of a second."""

import os
import sys

from dbt.cli.main import cli

if __name__ == "__main__":
    try:
        cli()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
