"""A view of custom fields that a build cannot make anew: the build goes on, and everybody who looks
is told until the view is made.
"""

import uuid

import dagster as dg
import pytest

from pipelines.cli.marts_command import build_marts, summary_line
from resources.progress import LogProgress
from simulator import SpaceSpec
from tests.assets.marts.building import build
from tests.deployment import Deploy, Deployment
from tests.pipelines.reports import alerter, look

SPEC = SpaceSpec(seed=5, users=3, projects=1, issues=6, history_days=30)
NUMBER, TEXT = 3, 1
VIEW = "mart.custom_fields_ops"
#: As many more fields as make a list of columns too long.
MANY = """
INSERT INTO raw.custom_fields (space_key, id, project_id, type_id, name, display_order, payload,
    content_hash, loaded_at, run_id)
SELECT space_key, 100000 + n, project_id, type_id, 'field ' || n, 1000 + n, payload,
    content_hash, loaded_at, run_id
FROM (SELECT * FROM raw.custom_fields ORDER BY id LIMIT 1) AS one, generate_series(1, 1700) AS n
"""

pytestmark = pytest.mark.full


def columns(deployment: Deployment) -> list[str]:
    found = deployment.query(
        f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('{VIEW}') ORDER BY attnum"
    )
    return [row["attname"] for row in found][6:]


def marts(deployment: Deployment) -> tuple[str, list[str], str]:
    """Build as the command does; return what it prints, warnings of the run, and its metadata."""
    found = build_marts(deployment.definitions, deployment.instance, LogProgress())
    assert found["status"] == "completed"
    [run] = deployment.instance.get_runs(limit=1)
    entries = deployment.instance.all_logs(run.run_id)
    warned = [one.user_message for one in entries if not one.is_dagster_event and one.level == 30]
    observed = [
        str(one.dagster_event.event_specific_data)
        for one in entries
        if one.dagster_event
        and one.dagster_event.event_type == dg.DagsterEventType.ASSET_OBSERVATION
    ]
    return summary_line(found), warned, "\n".join(observed)


def test_a_view_that_cannot_be_made_is_told_until_it_is_made(deploy: Deploy) -> None:
    deployment = deploy(SPEC).discover()
    space, role = deployment.sim.space, f"analyst_{uuid.uuid4().hex[:12]}"
    fields = space.project("OPS").fields
    for old in [*fields]:
        space.delete_field("OPS", old)
    space.add_field("OPS", NUMBER, "工数")
    build(deployment.load())
    one = alerter(deployment)
    assert look(one).open == {}
    deployment.change(f"CREATE ROLE {role}; CREATE SCHEMA bi; GRANT ALL ON SCHEMA bi TO {role}")
    deployment.change(f"CREATE VIEW bi.effort AS SELECT issue_id FROM {VIEW}")
    deployment.change(f"ALTER VIEW bi.effort OWNER TO {role}")
    try:
        space.add_field("OPS", TEXT, "環境")
        printed, warned, observed = marts(deployment.load())
        assert columns(deployment) == ["工数"], "the view is as it was"
        for said in (printed, *warned, observed):
            assert VIEW in said
            assert "view bi.effort depends on view mart.custom_fields_ops" in said
        assert f"{VIEW} was not made anew: " in printed
        assert len(warned) == 1
        [problem] = [one.problem for one in look(one).open.values()]
        assert problem.code == "view_not_made"
        assert "bi.effort" in problem.texts("en").cause
        assert "bi.effort" in problem.texts("ja").cause
    finally:
        deployment.change("DROP SCHEMA bi CASCADE")
        deployment.change(f"DROP ROLE {role}")
    printed, warned, _ = marts(deployment)
    assert columns(deployment) == ["工数", "環境"]
    assert (VIEW in printed, warned) == (False, [])
    assert look(one).open == {}


def test_of_many_custom_fields_the_view_has_the_first_and_the_rest_is_noted(
    deploy: Deploy,
) -> None:
    deployment = deploy(SPEC).discover().load()
    deployment.change(MANY)
    [count] = deployment.query("SELECT count(*) AS n FROM raw.custom_fields")
    for _ in range(2):  # also while the view stays as it is
        printed, warned, _ = marts(deployment)
        assert len(columns(deployment)) == 1500
        [line] = [line for line in printed.splitlines() if line.startswith(VIEW)]
        assert f"{count['n']} custom fields, and the view the first 1500" in line
        assert warned == []
    assert len(deployment.query(f"SELECT * FROM {VIEW}")) == len(deployment.sim.space.issues)
