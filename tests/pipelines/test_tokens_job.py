"""The job that renews OAuth tokens, as the schedule starts it."""

from tests.deployment import Deploy, failures

GRANT = "/oauth2/token"


def test_it_renews_what_ends_within_the_next_70_minutes(
    deploy: Deploy,
) -> None:
    deployment = deploy().with_oauth().log_in()
    requests = deployment.sim.requests
    requests.clear()
    [before] = deployment.query("SELECT tokens FROM ops.oauth_tokens")
    assert deployment.run("tokens").success
    [after] = deployment.query("SELECT tokens FROM ops.oauth_tokens")
    assert before != after
    assert requests.by_bucket() == {"update": 1}
    deployment.sim.switch(token_seconds=7_200)
    for _ in range(2):
        assert deployment.run("tokens").success
    assert requests.count(route=GRANT) == 2, "the second one is good for longer"


def test_it_fails_and_says_what_to_do_when_somebody_must_log_in(deploy: Deploy) -> None:
    deployment = deploy().with_oauth().log_in()
    deployment.sim.requests.clear()
    deployment.sim.site.keyring.revoke_grants()
    for _ in range(2):
        [said] = failures(deployment.run("tokens"))
        assert said.startswith("tokens: ")
        assert said.endswith("run `backlog-elt login`")
    assert deployment.sim.requests.count(route=GRANT) == 1
