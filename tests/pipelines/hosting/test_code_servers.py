"""Which code servers of a folder are served, and when one that has ended is started again."""

import re
import signal
from pathlib import Path

import pytest

from pipelines.hosting.code_servers import FIRST_PAUSE, LAST_PAUSE, Server, servers_of
from pipelines.hosting.environment import PROJECT_ROOT
from resources.variables import SettingsError

WORKSPACE = """
load_from:
  - grpc_server: {location_name: acme, host: spaces, port: 4001}
  - grpc_server: {location_name: beta, host: spaces, port: 4002}
"""


def folder_with(folder: Path, *names: str, workspace: str = WORKSPACE) -> Path:
    """Return a folder with a workspace and the variables of some spaces."""
    (folder / "workspace.yaml").write_text(workspace)
    for name in names:
        (folder / name).mkdir()
        (folder / name / ".env").write_text("")
    return folder


def test_each_folder_with_variables_is_a_server_on_the_port_of_its_location(tmp_path: Path) -> None:
    found = servers_of(folder_with(tmp_path, "beta", "acme"))
    assert [(one.location, one.port, one.variables) for one in found] == [
        ("acme", 4001, tmp_path / "acme" / ".env"),
        ("beta", 4002, tmp_path / "beta" / ".env"),
    ]


def test_a_location_of_the_workspace_without_variables_is_served_elsewhere(tmp_path: Path) -> None:
    assert [one.location for one in servers_of(folder_with(tmp_path, "beta"))] == ["beta"]


@pytest.mark.parametrize(
    ("names", "workspace", "said"),
    [
        ((), WORKSPACE, "expected a folder with the variables of each space in a file like acme/.env"),
        (
            ("acme", "gamma"),
            WORKSPACE,
            r"gamma/\.env': expected a folder named like a code location of workspace\.yaml: acme, beta",
        ),
        (("acme",), "load_from: [{python_module: x}]", r"expected a workspace whose code locations are grpc_server.*KeyError"),
        (
            ("acme",),
            WORKSPACE.replace("4002", "4001"),
            "expected a workspace that names each code location once, and no port twice",
        ),
        (
            ("acme",),
            WORKSPACE.replace("beta", "acme"),
            "expected a workspace that names each code location once, and no port twice",
        ),
        (("acme",), "", "expected a workspace whose code locations are grpc_server.*TypeError"),
        (("acme",), "load_from: [", "expected a workspace whose code locations are grpc_server.*Error"),
    ],
    ids=[
        "no variables",
        "not in the workspace",
        "other code locations",
        "a port twice",
        "a name twice",
        "an empty file",
        "no YAML",
    ],
)
def test_a_folder_that_cannot_be_served_is_refused(names: tuple[str, ...], workspace: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        servers_of(folder_with(tmp_path, *names, workspace=workspace))


def test_a_folder_without_a_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        servers_of(tmp_path)


def test_the_workspace_that_is_shipped_can_be_served(tmp_path: Path) -> None:
    shipped = (PROJECT_ROOT / "deploy" / "spaces" / "workspace.yaml").read_text()
    names = re.findall(r"location_name: (\w+)", shipped)
    assert [one.location for one in servers_of(folder_with(tmp_path, *names, workspace=shipped))] == sorted(names)


def test_a_server_that_keeps_ending_is_started_ever_later_and_says_so(tmp_path: Path) -> None:
    server = Server("acme", 4001, tmp_path, pid=1)
    said = [server.ended(2 << 8) for _ in range(8)]
    pauses = [float(re.findall(r"again in (\d+) s", line)[0]) for line in said]
    assert pauses[0] == 2 * FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_PAUSE
    assert "the code server of acme ended with exit code 2" in said[0]
    assert server.pid is None
    assert "was ended by SIGKILL" in server.ended(signal.SIGKILL)
