// The page put together: its controls, and what is shown of the figures.
const byId = id => document.getElementById(id);
const CONTROLS = ["project", "team", "person", "type", "period"];
const PERIODS = ["4", "13", "26", "52", "all"];

function options(id, list) {
  byId(id).replaceChildren(...list.map(([value, label]) => make("option", { value }, label)));
  byId(id).value = chosen[id];
}

function controls() {
  const all = ["", word("everything")], named = list => list.map((one, at) => [String(at), one]);
  const people = DATA.people.map((name, at) => [String(at), at === 0 ? word("nobody") : name]).sort((x, y) => x[1].localeCompare(y[1], chosen.lang));
  options("project", [all, ...DATA.projects.map((one, at) => [String(at), `${one.key} ${one.name}`])]);
  options("team", [all, ...named(DATA.teams.map(team => team.name ?? word("no_team")))]);
  options("person", [all, ...people]);
  options("type", [all, ...named(DATA.types.map(type => type || "–"))]);
  options("period", PERIODS.map(period => [period, word(`period_${period}`)]));
  byId("archived").checked = chosen.archived !== "";
}

function inWords() {
  document.documentElement.lang = chosen.lang;
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = word(place.dataset.word);
  const other = chosen.lang === "ja" ? "en" : "ja";
  byId("language").textContent = other === "ja" ? "日本語" : "English";
  byId("language").lang = other;
  byId("filters").setAttribute("aria-label", word("filters"));
  byId("theme").textContent = word(isDark() ? "to_light" : "to_dark");
}

/** A chart, the line about it, and its table, which is made when it is opened. */
function figure(name, rows, columns, { said = "", spec = name, ...more } = {}) {
  const place = byId(`chart-${name}`), title = place.querySelector("h3").textContent, details = place.querySelector("details");
  place.querySelector(".said").textContent = said;
  place.querySelector(".plot").setAttribute("aria-label", `${title}. ${said} ${word("table_below")}`);
  show(place.querySelector(".plot"), spec, rows, more);
  const fillTable = () => { if (details.open) table(byId(`rows-${name}`), title, columns, rows); };
  details.ontoggle = fillTable;
  fillTable();
}

const column = (head, of, kind = "", cell = null) => ({ head: word(head), of, kind, cell });
const texts = (name, ...fields) => fields.map(field => column(`${name}${field}`, row => row[field]));
const amount = (head, of, digits = 0) => column(head, of, "n", row => number(of(row), digits));
const dayColumn = (head, of) => column(head, of, "", row => iso(of(row)));
const drawnIssue = at => column("issue", row => row.key, "", row => issueLink(DATA.issues, at(row)));
const issueColumn = issues => column("issue", at => keyOf(issues, at), "", at => issueLink(issues, at));

function answer(card, name, values, bad = false) {
  const place = byId(`card-${card}`).querySelector(".answer"), [head, ...rest] = fill(name, values).split("|");
  place.replaceChildren(make("b", { class: bad ? "bad" : null }, head), ` ${rest.join(" ")}`);
}

const risk = at => make("span", { class: `tag${DATA.issues.risk[at] === "high" ? " bad" : ""}` }, word(`risk_${DATA.issues.risk[at] || "unknown"}`));

function showOverdue(picked) {
  const issues = DATA.issues, { late, people, rows } = overdue(picked);
  answer("overdue", "say_overdue", { n: number(late.length), people: number(people.filter(([person]) => person).length), top: people.length ? `${personOf(people[0][0])} ${people[0][1].length}` : "–" }, late.length > 0);
  figure("overdue", rows, [...texts("", "person", "late"), amount("issues_axis", row => row.issues)], { said: byId("card-overdue").querySelector(".answer").textContent });
  table(byId("table-overdue"), word("part_overdue"), [
    issueColumn(issues), column("summary", at => issues.summary[at], "long"), column("person", at => personOf(issues.a[at])),
    column("status", at => DATA.statuses[issues.s[at]].name), column("type", at => typeOf(issues.t[at])), column("priority", at => issues.priority[at]),
    dayColumn("due", at => issues.due[at]), amount("days_late", at => DATA.today - issues.due[at]), amount("left_hours", at => leftOf(at), 1),
  ], late);
}
/** Of all time, histories by week and by month have the last two years. */
const atMost = () => chosen.period === "all" ? ` · ${word("two_years")}` : "";
const leftOf = at => DATA.issues.estimated[at] == null ? null : Math.max(DATA.issues.estimated[at] - (DATA.issues.actual[at] || 0), 0);

function showStuck(picked) {
  const issues = DATA.issues, { working, still, people } = stuck(picked);
  answer("stuck", "say_stuck", { n: number(still.length), days: STUCK_DAYS, people: number(people), all: number(working.length) }, still.length > 0);
  const short = [issueColumn(issues), column("person", at => personOf(issues.a[at])), column("status", at => DATA.statuses[issues.s[at]].name),
    column("stay", at => issues.stay[at], "n", at => hoursOld(issues.stay[at]))];
  const longest = [...working].sort((x, y) => issues.stay[y] - issues.stay[x]);
  table(byId("stuck-short"), word("ask_stuck"), [...short.slice(0, 3), { ...short[3], head: word("stay_short") }], longest, { first: 7 });
  table(byId("table-stuck"), word("part_stuck"), [
    short[0], column("summary", at => issues.summary[at], "long"), ...short.slice(1),
    column("age", at => issues.age[at], "n", at => hoursOld(issues.age[at])), column("risk", at => ["low", "medium", "high"].indexOf(issues.risk[at]), "", risk),
    column("faster", at => issues.faster[at], "n", at => issues.faster[at] == null ? "–" : `${issues.faster[at]} %`), dayColumn("due", at => issues.due[at]),
  ], longest);
  figure("ageing", ageing({ working }), [drawnIssue(row => row.at), ...texts("", "status", "person"), amount("days", row => row.days, 1), column("risk", row => row.risk)], { said: fill("said_ageing", { n: number(working.length) }) });
}

function showLoad(picked) {
  const found = load(picked);
  const top = found.people.reduce((most, one) => (most && most[1].weeks[0] >= one[1].weeks[0] ? most : one), null);
  answer("load", "say_load", { week: shortDay(found.first), h: number(found.hours), people: number(found.people.filter(([person]) => person).length), top: top ? `${personOf(top[0])} ${number(top[1].weeks[0], 1)} h` : "–", n: number(found.unestimated) });
  const weeks = found.names.map((name, at) => ({ head: name, of: ([, one]) => one.weeks[at], kind: "n", cell: ([, one]) => number(one.weeks[at], 1) }));
  const columns = [column("person", ([person]) => personOf(person)), amount("open", ([, one]) => one.issues), amount("late_issues", ([, one]) => one.late),
    amount("left_hours", ([, one]) => one.hours, 1), ...weeks];
  figure("load", found.rows, [...texts("", "person", "week"), amount("hours", row => row.hours, 1)], { said: byId("card-load").querySelector(".answer").textContent });
  table(byId("table-load"), word("part_load"), columns, found.people);
}

function showMilestones(picked) {
  const rows = milestones(picked), active = underWay(rows), late = active.filter(row => row.state === "too_late");
  answer("milestones", "say_milestones", { n: number(late.length), all: number(active.length) }, late.length > 0);
  const drawn = endings(rows), some = drawn.length < active.length ? ` · ${fill("first_of", { n: drawn.length, all: active.length })}` : "";
  figure("milestones", drawn, [...texts("", "milestone"), column("half", row => row.half_on), column("end", row => row.ends), column("due", row => row.due_on), column("kind", row => row.state)],
    { said: byId("card-milestones").querySelector(".answer").textContent + some });
  table(byId("table-milestones"), word("part_milestones"), [
    column("project", row => row.project), column("milestone", row => row.name, "long", row => row.archived ? `${row.name} (${word("archived")})` : row.name),
    dayColumn("start", row => row.start), dayColumn("due", row => row.due),
    column("half", row => row.half, "", row => endOf(row, row.half)),
    column("end", row => row.end, "", row => make("span", { class: row.state === "too_late" ? "bad" : null }, endOf(row))),
    column("state", row => row.state && word(row.state)), amount("issues_axis", row => row.issues), amount("working", row => row.working), amount("done", row => row.done),
    column("share", row => row.issues ? row.done / row.issues : null, "n", row => row.issues ? `${Math.round(100 * row.done / row.issues)} %` : "–"),
    amount("planned_h", row => row.estimated, 1), amount("actual_h", row => row.actual, 1),
  ], rows);
  showBurns(rows);
}

/** The milestones with most left to do, each a picture of its own. */
function showBurns(rows) {
  const place = byId("burns");
  const most = of => burns(of).sort((x, y) => y.row.left - x.row.left).slice(0, 6);
  const current = underWay(rows).length ? underWay(rows) : rows.filter(row => row.left);
  const shown = [...most(current), ...most(rows.filter(row => row.archived && !current.includes(row)))];
  const kept = new Map([...place.children].map(one => [one.dataset.stone, one]));
  const now = shown.map(({ row, points }) => {
    const title = `${row.project} ${row.name}: ${number(row.done)} / ${number(row.issues)}`, old = kept.get(String(row.at));
    const figure_ = old || burnFigure(row.at);
    kept.delete(String(row.at));
    figure_.querySelector("h4").textContent = title;
    const plot = figure_.querySelector(".plot");
    plot.setAttribute("aria-label", `${word("burn_title")} ${title}. ${word("table_below")}`);
    show(plot, "burn", points);
    const details = figure_.querySelector("details"), columns = [column("day", point => point.day, "", point => iso(point.day / MS)), amount("scope", point => point.scope), amount("done", point => point.done)];
    details.ontoggle = () => { if (details.open) table(figure_.querySelector(".table"), title, columns, [...points].reverse()); };
    details.ontoggle();
    return figure_;
  });
  for (const gone of kept.values()) if (gone.dataset.stone) forgetDrawing(gone.querySelector(".plot"));
  place.replaceChildren(...(now.length ? now : [make("p", { class: "none" }, word("no_data"))]));
}
const burnFigure = at => make("figure", { class: "chart", "data-stone": at }, make("figcaption", {}, make("h4", {})), make("div", { class: "plot", role: "img" }),
  make("details", { class: "rows" }, make("summary", { "data-word": "as_table" }, word("as_table")), make("div", { class: "table", id: `rows-burn-${at}` })));

function showChanges() {
  const found = changes(), rows = DATA.changes;
  answer("changes", "say_changes", { created: number(found.created), done: number(found.done), reopened: number(found.reopened), moved: number(found.moved) });
  const what = at => word(`what_${rows.what[at]}`) + (rows.what[at] === "moved" && rows.more[at] != null ? ` ${rows.more[at] > 0 ? "+" : ""}${rows.more[at]} ${word("d")}` : "");
  const columns = [dayColumn("day", at => rows.day[at]), issueColumn(rows), column("what", what), column("by", at => rows.by[at]), column("summary", at => rows.summary[at], "long")];
  table(byId("changes-short"), word("ask_changes"), columns.slice(0, 4).map((one, at) => at ? one : column("day", at => rows.day[at], "", at => shortDay(rows.day[at]))), found.places, { first: 7 });
  table(byId("table-changes"), word("part_changes"), columns, found.places);
}

function showPlan() {
  const found = effort(), today = month(DATA.today), total = name => sum(found.months.map(one => one[name]));
  const now = found.months.find(one => one.month === today) || { planned: 0, actual: 0 };
  // The month that is not over, and those to come, have their plan before their hours.
  const over = found.months.filter(one => one.month < today), ended = name => sum(over.map(one => one[name]));
  answer("plan", "say_plan", { planned: number(now.planned), actual: number(now.actual), all: ended("planned") ? `${Math.round(100 * ended("actual") / ended("planned"))} %` : "–" });
  figure("plan", found.rows, [column("month", row => row.month), column("kind", row => row.kind), amount("hours", row => row.hours, 1)], { said: byId("card-plan").querySelector(".answer").textContent + atMost() });
  figure("hours", found.hours, [column("month", row => row.month), column("entered_by", row => row.person), amount("hours", row => row.hours, 1)], { said: fill("said_hours", { h: number(total("actual"), 1) }) + atMost() });
  const months = found.months.map(one => one.month).reverse(), of = (row, name) => row.by.get(name);
  // Plans without a person are of nobody, hours without one of somebody who is not known.
  const people = found.people.flatMap(row => row.person ? { ...row, name: personOf(row.person) } : [
    { ...row, name: word("unknown_person"), planned: 0 }, { name: word("nobody"), planned: row.planned, total: 0, by: new Map() }]);
  table(byId("table-hours"), word("part_plan"), [
    column("entered_by", row => row.name), amount("planned_h", row => row.planned, 1), amount("actual_h", row => row.total, 1),
    ...months.map(name => ({ head: name, of: row => of(row, name), kind: "n", cell: row => number(of(row, name), 1) })),
  ], people.filter(row => row.total || row.planned), {
    foot: [word("everybody"), number(total("planned"), 1), number(total("actual"), 1), ...months.map(name => number(sum(found.people.map(row => of(row, name))), 1))],
  });
}

function showFlow(picked) {
  const flows = flow(), week = throughput(picked), cycle = cycles(picked);
  const now = flows.rows.slice(-4).reverse();
  figure("flow", flows.rows, [column("day", row => row.day, "", row => iso(row.day / MS)), column("stage", row => row.stage), amount("issues_axis", row => row.issues)],
    { said: now.map(row => `${row.stage} ${number(row.issues)}`).join(" · ") + atMost(), signals: { floor: flows.floor } });
  const total = name => number(sum(week.rows.map(row => row[name])));
  figure("throughput", week.rows, [column("week", row => row.week, "", row => iso(row.week / MS)), ...["created", "done", "reopened"].map(name => amount(name, row => row[name])), amount("mean", row => row.mean, 1)],
    { said: fill("said_throughput", { created: total("created"), done: total("done"), reopened: total("reopened") }), marks: week.over, signals: { ceiling: week.ceiling } });
  figure("cycle", cycle.rows, [drawnIssue(row => row.issue), column("done", row => row.at, "", row => iso(row.at / MS)), amount("days", row => row.days, 1)],
    { said: fill(cycle.step > 1 ? "said_cycle_some" : "said_cycle", { n: number(cycle.issues), step: cycle.step }) + (cycle.marks.length ? ` · ${cycle.marks.map(mark => mark.text).join(" · ")}` : ""), marks: cycle.marks });
}

function showProjects(picked) {
  const rows = projects(picked), pair = (row, name) => `${span(row[`${name}50`])} · ${span(row[`${name}85`])}`;
  table(byId("table-projects"), word("part_projects"), [
    column("key", row => row.key), column("name", row => row.name, "long", row => row.archived ? `${row.name} (${word("archived")})` : row.name), amount("issues_axis", row => row.issues),
    ...["waiting", "active", "review", "done"].map(stage => amount(`stage_${stage}`, row => row[stage])), amount("planned_h", row => row.estimated, 1), amount("actual_h", row => row.actual, 1),
    column("lead", row => row.lead50, "n", row => pair(row, "lead")), column("cycle", row => row.cycle50, "n", row => pair(row, "cycle")),
  ], rows);
}

function showSync() {
  byId("days").replaceChildren(...DATA.days.map(day => make("p", {}, fill("say_day", {
    runs: number(day.runs), failed: number(day.failed), rate: day.rate == null ? "–" : `${(100 * day.rate).toFixed(1)} %` }) + (DATA.days.length > 1 ? ` (${day.space})` : ""))));
  const mine = chosen.project === "" ? null : DATA.projects[Number(chosen.project)].key;
  const result = row => row.is_equal == null ? "–" : row.is_equal ? make("span", { class: "good" }, `✓ ${word("equal")}`) : make("span", { class: "bad" }, `${word("differences")}: ${number(row.differences)}`);
  table(byId("table-sync"), word("part_sync"), [
    column("project", row => row.project_key), column("last_success", row => row.last_success_at), column("newest_change", row => row.newest_change_at),
    column("verified", row => row.verified_at), column("result", row => String(row.is_equal), "", result), column("last_error", row => row.last_error, "long"),
  ], (DATA.sync || []).filter(row => mine == null || row.project_key === mine));
}

function notes() {
  const said = [];
  if (DATA.missing.length) said.push(fill("note_missing", { marts: DATA.missing.join(", ") }));
  if (!DATA.total) said.push(word("note_empty"));
  if (DATA.issues.p.length < DATA.total && !DATA.missing.includes("issue")) said.push(fill("note_cut", { n: number(DATA.issues.p.length), all: number(DATA.total) }));
  const all = sum(DATA.changed.n);
  if (DATA.changes.p.length < all) said.push(fill("note_changes", { n: number(DATA.changes.p.length), all: number(all) }));
  const partly = (DATA.sync || []).filter(row => row.history_share != null && row.history_share < 1).map(row => row.project_key);
  if (partly.length) said.push(fill("note_history", { projects: partly.join(", ") }));
  byId("notes").hidden = !said.length;
  byId("notes").textContent = said.join(" ");
}

/** Show what is chosen, everywhere. */
async function update() {
  const picked = selection();
  byId("chosen").textContent = fill("say_chosen", { n: number(picked.all.length), open: number(picked.open.length) });
  showOverdue(picked); showStuck(picked); showLoad(picked); showMilestones(picked); showChanges(); showPlan(); showFlow(picked); showProjects(picked); showSync();
  const kept = Object.entries(chosen).filter(([, value]) => value !== "").map(([name, value]) => [name, value]);
  history.replaceState(null, "", `#?${new URLSearchParams(kept)}`);
  await drawAll();
}

async function redraw() {
  document.documentElement.classList.toggle("dark", isDark());
  inWords();
  controls();
  notes();
  forgetDrawings();
  byId("burns").replaceChildren();
  await update();
}

function wire() {
  for (const id of CONTROLS) byId(id).addEventListener("change", () => { chosen[id] = byId(id).value; update(); });
  byId("archived").addEventListener("change", () => { chosen.archived = byId("archived").checked ? "1" : ""; update(); });
  byId("reset").addEventListener("click", () => { for (const id of CONTROLS) chosen[id] = id === "period" ? "26" : ""; chosen.archived = ""; controls(); update(); });
  byId("language").addEventListener("click", () => { chosen.lang = chosen.lang === "ja" ? "en" : "ja"; redraw(); });
  byId("theme").addEventListener("click", () => { chosen.theme = isDark() ? "light" : "dark"; redraw(); });
  byId("print").addEventListener("click", () => print());
  byId("filters").addEventListener("submit", event => event.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (chosen.theme === "") redraw(); });
}

async function start() {
  const given = new URLSearchParams(location.hash.replace(/^#\??/, ""));
  chosen.lang = navigator.language.startsWith("ja") ? "ja" : "en";
  DATA = await unpack(byId("data").textContent);
  const allowed = {
    project: DATA.projects.length, team: DATA.teams.length, person: DATA.people.length, type: DATA.types.length };
  for (const [name, value] of given) {
    if (name in allowed ? /^\d+$/.test(value) && Number(value) < allowed[name]
      : { period: PERIODS, lang: ["ja", "en"], theme: ["light", "dark"], archived: ["1"] }[name]?.includes(value)) chosen[name] = value;
  }
  wire();
  await redraw();
}
start();
