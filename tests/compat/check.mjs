// Drives a simulated space through Nulab's own client and ends with status 1 at the first difference.
// Usage: NODE_EXTRA_CA_CERTS=cert.pem node check.mjs URL API_KEY
import assert from "node:assert/strict";
import { Backlog, OAuth2, Error as Errors } from "backlog-js";

const [root, apiKey] = process.argv.slice(2);
const host = new URL(root).host;
const client = (options) => new Backlog({ host, ...options });
const backlog = client({ apiKey });

const control = async (method, path, body) => {
  const answer = await fetch(`${root}/_simulator${path}`, { method, body: body && JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

const steps = {
  async "the space and oneself"() {
    const space = await backlog.getSpace();
    assert.equal(space.spaceKey, "acme");
    const me = await backlog.getMyself();
    assert.equal(me.roleType, 1);
    assert.equal(space.ownerId, me.id);
    assert.equal((await backlog.getUser(me.id)).name, me.name);
    assert.ok((await backlog.getUsers()).length > 1);
    assert.equal(typeof (await backlog.getSpaceDiskUsage()).capacity, "number");
  },

  async "projects and masters"() {
    const projects = await backlog.getProjects({ archived: false });
    assert.ok(projects.length && projects.every((one) => one.archived === false));
    const key = projects[0].projectKey;
    assert.equal((await backlog.getProject(key)).id, projects[0].id);
    assert.deepEqual((await backlog.getProjectStatuses(key)).slice(0, 2).map((one) => one.id), [1, 2]);
    for (const list of ["getIssueTypes", "getCategories", "getVersions", "getProjectUsers", "getProjectAdministrators"])
      assert.ok((await backlog[list](key)).length, list);
    const kinds = (await backlog.getCustomFields(key)).map((one) => one.typeId);
    assert.deepEqual(kinds, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.ok((await backlog.getResolutions()).some((one) => one.id === 0));
    assert.equal((await backlog.getPriorities()).length, 3);
  },

  async "issues by page and filter"() {
    const [{ id }] = await backlog.getProjects();
    const { count } = await backlog.getIssuesCount({ projectId: [id] });
    const seen = new Set();
    for (let offset = 0; offset < count; offset += 100)
      for (const issue of await backlog.getIssues({ projectId: [id], sort: "created", order: "asc", offset, count: 100 }))
        seen.add(issue.id);
    assert.equal(seen.size, count);
    const open = await backlog.getIssues({ projectId: [id], statusId: [1], count: 100 });
    assert.ok(open.length && open.every((issue) => issue.status.id === 1));
    const summed = await backlog.getIssues({ projectId: [id], parentChild: 4, expand: ["childIssueSummary"] });
    assert.ok(summed.every((issue) => issue.childIssueSummary.total > 0));
  },

  async "an issue's life"() {
    const [project] = await backlog.getProjects();
    const [type] = await backlog.getIssueTypes(project.id);
    const [category] = await backlog.getCategories(project.id);
    const me = await backlog.getMyself();
    const fields = await backlog.getCustomFields(project.id);
    const many = fields.find((one) => one.typeId === 6);
    const made = await backlog.postIssue({
      projectId: project.id, summary: "Made by backlog-js 😀", issueTypeId: type.id, priorityId: 3,
      categoryId: [category.id], dueDate: "2026-09-01", [`customField_${many.id}`]: [1, 2],
    });
    assert.equal(made.summary, "Made by backlog-js 😀");
    assert.equal(made.category[0].id, category.id);
    assert.match(made.dueDate, /^2026-09-01T/);
    assert.deepEqual(made.customFields.find((one) => one.id === many.id).value.map((one) => one.id), [1, 2]);
    const closed = await backlog.patchIssue(made.issueKey, { statusId: 4, resolutionId: 0, comment: "Done" });
    assert.deepEqual([closed.status.id, closed.resolution.id], [4, 0]);
    assert.equal((await backlog.getIssue(made.id)).issueKey, made.issueKey);

    const said = await backlog.postIssueComments(made.id, { content: "A remark", notifiedUserId: [me.id] });
    assert.equal(said.notifications[0].user.id, me.id);
    assert.equal((await backlog.getIssueCommentsCount(made.id)).count, 2);
    const edited = await backlog.patchIssueComment(made.id, said.id, { content: "A better remark" });
    assert.equal(edited.content, "A better remark");
    const rows = await backlog.getIssueComments(made.id, { order: "asc", count: 100 });
    assert.deepEqual(rows.map((row) => row.content), ["Done", "A better remark"]);
    assert.ok(rows[0].changeLog.some((one) => one.field === "status"));
    assert.equal((await backlog.deleteIssueComment(made.id, said.id)).id, said.id);
    await backlog.postStar({ issueId: made.id });
    assert.equal((await backlog.getIssue(made.id)).stars.length, 1);

    const feed = await backlog.getProjectActivities(project.id, { activityTypeId: [1, 2, 3], count: 3 });
    assert.deepEqual(feed.map((one) => one.type), [3, 2, 1]);
    assert.ok(feed.every((one) => one.content.id === made.id));
    assert.equal((await backlog.getSpaceActivities({ count: 1 }))[0].id, feed[0].id);

    assert.equal((await backlog.deleteIssue(made.id)).id, made.id);
    await assert.rejects(backlog.getIssue(made.id), (error) => error.status === 404 && error.body.errors[0].code === 6);
  },

  async "webhooks"() {
    const [project] = await backlog.getProjects();
    const hook = await backlog.postWebhook(project.id, { name: "w", hookUrl: "http://127.0.0.1:9/", activityTypeIds: [1, 4] });
    assert.deepEqual(hook.activityTypeIds, [1, 4]);
    assert.equal((await backlog.patchWebhook(project.id, hook.id, { allEvent: true })).allEvent, true);
    assert.equal((await backlog.deleteWebhook(project.id, hook.id)).id, hook.id);
    assert.deepEqual(await backlog.getWebhooks(project.id), []);
  },

  async "errors"() {
    await assert.rejects(client({ apiKey: "wrong" }).getSpace(), (error) => {
      return error instanceof Errors.BacklogAuthError && error.body.errors[0].code === 11;
    });
    await assert.rejects(backlog.getIssues({ nonsense: 1 }), (error) => {
      return error instanceof Errors.BacklogApiError && error.status === 400 && error.body.errors[0].code === 7;
    });
    await control("POST", "/faults", { kind: "html", status: 503 });
    await assert.rejects(backlog.getSpace(), (error) => error instanceof Errors.UnexpectedError && error.status === 503);
  },

  async "rate limits"() {
    const { rateLimit } = await backlog.getRateLimit();
    assert.equal(rateLimit.search.limit, 150);
    await control("POST", "/limits", { read: 1 });
    await assert.rejects(backlog.getSpace(), (error) => {
      return error.status === 429 && error.body.errors[0].code === 13
        && error.response.headers.get("X-RateLimit-Remaining") === "0";
    });
    await control("POST", "/limits", { plan: "none" });
  },

  async "OAuth 2.0"() {
    const { oauth } = await control("GET", "/");
    const credentials = { clientId: oauth.client_id, clientSecret: oauth.client_secret };
    const login = new OAuth2(credentials);
    const redirectUri = "http://127.0.0.1/callback";
    const page = login.getAuthorizationURL({ host, redirectUri, state: "s1" });
    assert.equal((await fetch(page)).status, 200);
    const decision = new URLSearchParams({ client_id: oauth.client_id, redirect_uri: redirectUri, state: "s1", decision: "allow" });
    const answer = await fetch(page.split("?")[0], { method: "POST", body: decision, redirect: "manual" });
    const back = new URL(answer.headers.get("Location"));
    assert.equal(back.searchParams.get("state"), "s1");
    const token = await login.getAccessToken({ host, code: back.searchParams.get("code"), redirectUri });
    assert.equal(token.expires_in, 3600);
    assert.equal((await client({ accessToken: token.access_token }).getMyself()).roleType, 1);
    const fresh = await login.refreshAccessToken({ host, refreshToken: token.refresh_token });
    assert.notEqual(fresh.refresh_token, token.refresh_token);
    await assert.rejects(login.refreshAccessToken({ host, refreshToken: token.refresh_token }));
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.error(`FAIL ${name}\n`, error);
    process.exit(1);
  }
}
