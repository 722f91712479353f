"""One deployment for all tests of this folder: to load a space and build its marts takes 20
seconds.
"""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from resources.warehouse.server.connect import engine
from resources.warehouse.server.grants import grant_bi
from resources.warehouse.server.roles import Access
from simulator import Simulator
from tests.assets.marts.building import assert_whole_build_gives_the_same, build
from tests.assets.marts.past import Past, make_past
from tests.assets.marts.worked import (
    ONE_PROJECT,
    leave_before_the_load,
    work_an_issue,
    work_beside_peers,
    work_on_numbers,
)
from tests.assets.marts.worked_plan import (
    work_at_a_pace,
    work_in_a_tree,
    work_to_a_baseline,
    work_to_a_plan,
)
from tests.deployment import Deployment, quiet
from tests.instances import in_memory


@pytest.fixture(scope="session")
def access(folder_warehouse_url: str) -> Iterator[Access]:
    """Return the access of BI tools, granted before there was any mart."""
    owner, role = engine(folder_warehouse_url), f"bi_{uuid.uuid4().hex[:12]}"
    yield grant_bi(owner, role, None)
    with owner.begin() as conn:
        conn.exec_driver_sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    owner.dispose()


@pytest.fixture(scope="session")
def reader(access: Access, built: tuple[Deployment, int]) -> Iterator[Engine]:
    """Return the marts as BI tools see them."""
    del built
    made = engine(access.url)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def built(access: Access, folder_warehouse_url: str) -> Iterator[tuple[Deployment, int]]:
    """Return a deployment that is loaded and has its marts, and the issue that was worked on.

    The tests share it: one that changes the space loads it and builds the marts again.
    """
    del access
    made = engine(folder_warehouse_url)
    with Simulator(ONE_PROJECT) as sim, in_memory() as instance:
        deployment = Deployment(sim, folder_warehouse_url, made, instance, sim.api_key, quiet())
        issue = work_an_issue(deployment)
        work_beside_peers(deployment)
        work_on_numbers(deployment)
        leave_before_the_load(deployment)
        work_to_a_plan(deployment)
        work_in_a_tree(deployment)
        work_to_a_baseline(deployment)
        work_at_a_pace(deployment)
        build(deployment.load())
        yield deployment, issue
    made.dispose()


@pytest.fixture(scope="session")
def marts(built: tuple[Deployment, int]) -> Deployment:
    """Return the deployment alone."""
    return built[0]


@pytest.fixture(scope="session")
def past(marts: Deployment) -> Past:
    """Return what people did and changed later; both are in the marts."""
    return make_past(marts)


@pytest.fixture(scope="module")
def equal_in_the_end(marts: Deployment) -> Iterator[None]:
    """When the tests of a file have ended, what their builds of changes have left is what a whole
    build makes.
    """
    yield
    assert_whole_build_gives_the_same(marts)
