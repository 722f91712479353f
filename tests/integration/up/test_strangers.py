"""Pages of other sites in an analyst's browser: what they try on the Dagster UI and on the page of
the sync service.
"""

import json
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import REBOUND, Chromium, analyst_at
from tests.http_servers import Quiet, serving
from tests.integration.running import Up

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

LAUNCH = """mutation {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "backlog_elt", repositoryName: "__repository__", jobName: "users"
    }
    executionMetadata: {tags: [{key: "by", value: "a stranger"}]}
  }) { __typename }
}"""
STARTED = """
{
  runsOrError(filter: {tags: [{key: "by", value: "a stranger"}]}) {
    ... on Runs { results { runId } }
  }
}"""

#: Each way ends by itself; what a page may know of how it has ended is returned.
ATTACKS = """async ([url, launch, service]) => {
  const query = `${url}/graphql?query=${encodeURIComponent(launch)}`;
  const body = JSON.stringify({query: launch});
  const ended = (element, source) => new Promise(done => {
    element.onload = () => done('loaded'); element.onerror = () => done('error');
    source(element); document.body.append(element);
  });
  const tried = promise => promise.then(answer => answer.type, error => 'refused');
  const form = (action, encoding) => ended(document.createElement('iframe'), frame => {
    frame.name = `form-${encoding}`;
    const form = document.createElement('form');
    Object.assign(form, {action, method: 'POST', enctype: encoding, target: frame.name});
    document.body.append(form);
    setTimeout(() => form.submit(), 200);
  });
  const socket = address => new Promise(done => {
    const opened = new WebSocket(address, 'graphql-ws');
    opened.onopen = () => done('open'); opened.onerror = () => done('refused');
  });
  await ended(document.createElement('img'), image => { image.src = query; });
  await ended(document.createElement('script'), script => { script.src = query; });
  await ended(document.createElement('iframe'), frame => { frame.src = query; });
  await tried(fetch(query, {mode: 'no-cors'}));
  for (const type of [
    'text/plain', 'text/plain;application/json', 'application/x-www-form-urlencoded'
  ]) {
    const options = {method: 'POST', mode: 'no-cors', headers: {'Content-Type': type}, body};
    await tried(fetch(`${url}/graphql`, options));
    await tried(fetch(query, options));
  }
  navigator.sendBeacon(query, body);
  await form(query, 'application/x-www-form-urlencoded');
  await form(query, 'text/plain');
  await tried(fetch(`${service}/api/v1/sync/projects/all`, {method: 'POST', mode: 'no-cors'}));
  return {
    socket: await socket(`${url.replace('http', 'ws')}/graphql`),
    query: await tried(fetch(`${url}/graphql`, {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body
    })),
    history: await tried(fetch(`${service}/api/v1/sync/history`)),
  };
}"""
#: As a page of the same origin: it may read the answers.
REBOUND_ATTACKS = """async ([launch]) => {
  const asked = async (path, options) => (await fetch(path, options)).status;
  const query = {
    method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({query: launch})
  };
  const socket = new Promise(done => {
    const opened = new WebSocket(`ws://${location.host}/graphql`, 'graphql-ws');
    opened.onopen = () => done('open'); opened.onerror = () => done('refused');
  });
  return [await asked('/graphql', query), await asked('/server_info'), await socket];
}"""


class EmptyPage(Quiet):
    """The site of a stranger."""

    def do_GET(self) -> None:  # noqa: N802 - the name of the library
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>somebody else</title><body>")


def test_a_page_of_another_site_starts_and_reads_nothing(chromium: Chromium, up: Up) -> None:
    projects = (
        '{ runsOrError(filter: {pipelineName: "projects"}) { ... on Runs { results { runId } } } }'
    )
    before = up.graphql(projects)
    with serving(EmptyPage) as site, analyst_at(chromium, up) as analyst:
        page, port = analyst.page, httpx.URL(site).port
        for host in ("localhost", REBOUND):
            page.goto(f"http://{host}:{port}/")
            found = page.evaluate(ATTACKS, [up.url, LAUNCH, up.service_url])
            assert found == {"socket": "refused", "query": "refused", "history": "refused"}, host
        page.evaluate("url => { location.href = url; }", f"{up.url}/runs")
        expect(page.get_by_role("link", name="Catalog")).to_be_visible()
        # The name now leads to the UI itself: to the browser, a page of it is one of the UI.
        for port_here in (up.port, up.service_port):
            answer = page.goto(f"http://{REBOUND}:{port_here}/")
            assert answer is not None
            assert answer.status == 421
            assert json.loads(answer.text())["error"]["code"] == "wrong_host"
        page.goto(f"http://{REBOUND}:{up.port}/")
        assert page.evaluate(REBOUND_ATTACKS, [LAUNCH]) == [421, 421, "refused"]
        page.goto(f"{up.url}/graphql?query={quote(LAUNCH)}")
    assert up.graphql(STARTED)["runsOrError"]["results"] == []
    assert up.graphql(projects) == before
