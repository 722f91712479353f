"""Start a simulator that speaks HTTPS, run a Node script against it, and end with the script's
status.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from simulator import spawn_simulator


def main() -> int:
    """Run the script that the command line names, with a certificate made for this run."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=simulator",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
             str(certificate)],
            check=True,
            capture_output=True,
        )  # fmt: skip
        environment = os.environ | {"NODE_EXTRA_CA_CERTS": str(certificate)}
        with spawn_simulator(issues=500, limits="paid", certificate=(certificate, key)) as space:
            command = ["node", sys.argv[1], space.url, space.api_key]
            return subprocess.run(command, check=False, timeout=120, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
