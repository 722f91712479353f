"""What a load asks the source, call by call, in 23 scenes: the snapshot `calls.txt`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.sync.calls_text import calls, first_load, on_stage, recorded
from tests.sync.conftest import as_template
from tests.sync.scenes import SCENES
from tests.syncs import SMALL


@pytest.fixture(scope="module")
def _loaded(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    with as_template(postgres_url, _template, SMALL, first_load) as name:
        yield name


@pytest.fixture(params=SCENES)
def played(
    request: pytest.FixtureRequest,
    postgres_url: str,
    _template: tuple[Engine, str],
    _loaded: str,
) -> tuple[str, str]:
    """Return the name of a scene and its calls."""
    (admin, empty), scene = _template, SCENES[request.param]
    with on_stage(postgres_url, admin, _loaded if scene.loaded else empty) as syncs:
        return request.param, calls(syncs, scene)


def test_a_load_makes_the_calls_of_the_snapshot(played: tuple[str, str]) -> None:
    name, found = played
    assert found.splitlines() == recorded()[name].splitlines(), (
        "python -m tests.sync.calls_text writes the snapshot again"
    )


def test_the_snapshot_has_every_scene_and_no_other() -> None:
    assert list(recorded()) == list(SCENES)
