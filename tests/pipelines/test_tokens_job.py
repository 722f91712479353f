"""The job that renews OAuth tokens, as the schedule starts it."""

from tests.deployment import OTHER_TOKEN_KEY, Deploy, Deployment, Run

GRANT = "/oauth2/token"


def said(run: Run) -> str:
    """Return why a run failed."""
    [failure] = [event.step_failure_data for event in run.events if event.is_step_failure]
    assert failure.user_failure_data
    return str(failure.user_failure_data.description)


def logged_in(deploy: Deploy) -> Deployment:
    deployment = deploy().with_oauth().log_in()
    deployment.sim.requests.clear()
    return deployment


def test_it_renews_what_ends_within_the_next_70_minutes(deploy: Deploy) -> None:
    deployment = logged_in(deploy)
    [before] = deployment.query("SELECT tokens FROM ops.oauth_tokens")
    assert deployment.run("tokens").success
    [after] = deployment.query("SELECT tokens FROM ops.oauth_tokens")
    assert before != after
    assert deployment.sim.requests.by_bucket() == {"update": 1}
    deployment.sim.switch(token_seconds=7_200)
    assert deployment.run("tokens").success
    assert deployment.run("tokens").success
    assert deployment.sim.requests.count(route=GRANT) == 2


def test_it_fails_and_says_what_to_do_when_somebody_must_log_in(deploy: Deploy) -> None:
    deployment = logged_in(deploy)
    deployment.sim.site.keyring.revoke_grants()
    assert "tokens: " in said(deployment.run("tokens"))
    assert said(deployment.run("tokens")).endswith("run `backlog-elt login`")
    assert deployment.sim.requests.count(route=GRANT) == 1
    assert "a key that BACKLOG_TOKEN_KEY lacks" in said(
        deployment.with_oauth(OTHER_TOKEN_KEY).run("tokens")
    )
    deployment.change("DELETE FROM ops.oauth_tokens")
    assert "nobody is logged in" in said(deployment.run("tokens"))
