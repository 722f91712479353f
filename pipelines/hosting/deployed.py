"""What a container runs: one word for each process of a deployment, so that image, compose file and
tests start the same.

`python -m pipelines.hosting.deployed webserver` is the entrypoint of the image. What follows the
word goes to the process. What begins with none of the words is started as it is, as `dagster api
execute_run …` of a run in a pod, or `backlog-elt load`.
"""

import os
import sys

from resources.network import bypass_proxies
from resources.secret_files import read_secret_files
from resources.variables import SettingsError, drop_python_variables

#: Word -> the module that is run, and its arguments. A worker works on as many runs at once as the
#: queue lets through for a space, each in a process of its own, which is replaced now and then, so
#: that memory is given back. A container is reached from outside of it.
PARTS = {
    "migrate": "pipelines migrate",
    "code-server": "pipelines.hosting.code_server -h 0.0.0.0 -p 4000",
    "webserver": "pipelines.hosting.webserver -h 0.0.0.0 -p 3000",
    "daemon": "pipelines.hosting.daemon run",
    "clock": "pipelines.hosting.clock",
    "service": "service --host 0.0.0.0 --port 3001",
    "worker": "celery -A pipelines.hosting.celery_app worker --concurrency 6 "
    "--max-tasks-per-child 50",
}
#: Words of a deployment that served all spaces from one container, as earlier versions had it.
_GONE = ("code-servers", "pipelines.hosting.code_servers", "/app/deploy/spaces/workspace.yaml")
_INSTEAD = (
    "is of earlier versions, which served all spaces from one container: give each space a service "
    "with the command code-server, and name its host in deploy/workspace.yaml "
    "(docs/deployment.md, Several spaces)"
)


def main() -> None:
    """Become the process, with secrets of files as variables: Dagster and dbt read nothing else."""
    if len(sys.argv) < 2:
        sys.exit(f"Error: say what to run: {', '.join(PARTS)}, or any command")
    if gone := next((word for word in sys.argv[1:] if word in _GONE), None):
        sys.stderr.write(f"Error: {gone} {_INSTEAD}\n")
        sys.exit(2)
    try:
        read_secret_files(os.environ)
        bypass_proxies(os.environ)
        drop_python_variables(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
    part, *more = sys.argv[1:]
    words = [sys.executable, "-m", *PARTS[part].split(), *more] if part in PARTS else [part, *more]
    try:
        os.execvp(words[0], words)  # noqa: S606 - the command of the container
    except OSError as error:
        one_of = f"say one of {', '.join(PARTS)}, or a command"
        sys.exit(f"Error: {words[0]} cannot be started: {error.strerror}; {one_of}")


if __name__ == "__main__":
    main()
