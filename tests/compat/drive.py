"""Start a simulator, run a Node script against it, and end with the script's status.

Add here: nothing; what is checked stands in check.mjs.
"""

import subprocess
import sys

from resources.simulator import spawn_simulator


def main() -> int:
    """Run the script that the command line names."""
    with spawn_simulator(issues=500) as space:
        return subprocess.run(["node", sys.argv[1], space.url, space.api_key], check=False, timeout=120).returncode


if __name__ == "__main__":
    sys.exit(main())
