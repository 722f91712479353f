// What the parts of the page say: each function takes what is chosen and returns the numbers in its
// words (`said`), the rows of its chart (`chart`) and of its table (`rows`). What a chart makes of
// its rows is in its spec; a row's `choice` is what a click on it picks. Nothing here draws.

/** Days in the same status from which work in progress counts as stuck. */
const STUCK_DAYS = 7;
const WEEKS = 6, LATENESS = ["late_week", "late_month", "late_long"];

const daysSince = day => day == null || day >= DATA.today ? null : DATA.today - day;

/** Give rows what is worked out of them, in the chosen language. */
function prepare() {
  const [people, types, stones] = ["person", "type", "milestone"].map(name => NAMES[name]());
  for (const row of [...DATA.issues, ...DATA.changes]) {
    const { key, url } = DATA.projects[row.p];
    row.key = `${key}-${row.n}`;
    row.href = url ? `${url}/view/${encodeURIComponent(row.key)}` : null;
  }
  for (const row of DATA.issues) {
    const { name, stage } = DATA.statuses[row.s], { estimated, actual } = row;
    Object.assign(row, { person: people[row.a], type: types[row.t], status: name, stage,
      left_hours: estimated == null ? null : Math.max(estimated - (actual || 0), 0),
      picks: { person: `person=${row.a}`, type: `type=${row.t}`, status: `status=${row.s}` } });
    if (stage === "done") continue;
    // What issues can be listed by.
    const dues = [row.m ?? []].flat().map(one => DATA.milestones[one].due ?? Infinity);
    const late = daysSince(row.due), working = stage === "active" || stage === "review";
    const moved = row.due == null || row.first_due == null ? 0 : row.due - row.first_due;
    const stuck = working && row.stay >= 24 * STUCK_DAYS;
    Object.assign(row, { overdue: late, milestone_overdue: daysSince(Math.min(...dues)), working,
      stuck, moved, late: late && LATENESS[(late > 7) + (late > 30)] });
  }
  DATA.milestones.forEach((row, m) => Object.assign(row, { m, project: DATA.projects[row.p].key }));
  for (const row of [...DATA.milestones, ...DATA.velocity])
    Object.assign(row, { milestone: stones[row.m], choice: `milestone=${row.m}` });
}

/** The chosen issues, once for all figures; what is archived is no open work. */
function selection() {
  const all = rowsOf(DATA.issues);
  return { all, open: all.filter(row => row.stage !== "done" && isShown(row)) };
}

/** The issues that are listed: those that are open, or those that a number was made of. */
function issues({ all, open }) {
  const [what, from, days] = (chosen.only || "open").split(".");
  const isIn = row => row.done >= +from && row.done < +from + +days;
  const rows = { all, open }[what] || (what === "done" ? all.filter(isIn)
    : what === "stage" ? (from === "done" ? all : open).filter(row => row.stage === from)
    : open.filter(row => row.late === what || row[what]));
  return { rows, said: { what: onlyInWords(), n: rows.length } };
}

function onlyInWords() {
  const [what, from, days] = (chosen.only || "open").split(".");
  const when = days ? `${iso(+from)} – ${iso(+from + +days - 1)}` : from && word(`stage_${from}`);
  return `${word(`only_${what}`)} ${when || ""}`.trim();
}

function overdue({ open }) {
  const rows = where(open, "overdue").sort(largest("overdue"));
  const people = sorted(groups(rows, "a"), (x, y) => y[1].length - x[1].length);
  const chart = [...groups(rows, row => `${row.a} ${row.late}`).values()].map(of => ({
    person: of[0].person, late: word(of[0].late), days_overdue: of[0].overdue, issues: of.length,
    choice: `person=${of[0].a}&only=${of[0].late}` }));
  const top = people.length ? `${people[0][1][0].person} ${people[0][1].length}` : "–";
  const inMilestones = where(open, "milestone_overdue").length, n = rows.length;
  const said = { n, top, people: people.filter(([a]) => a).length, milestones: inMilestones };
  return { rows, chart, of: people.length, bad: n, said };
}

function stuck({ open }) {
  const rows = where(open, "working").sort(largest("stay")), still = where(rows, "stuck");
  const chart = where(rows, "age").sort(largest("age")).slice(0, 1000).map(row => (
    { ...row, order: -STAGES.indexOf(row.stage), days: row.age / 24 }));
  const people = new Set(where(still, "a").map(row => row.a)).size;
  const said = { n: still.length, days: STUCK_DAYS, people, all: rows.length };
  return { rows, chart, bad: still.length, said };
}

/** What is left of estimates in the coming weeks, by person, against the hours that they have. */
function load({ open }) {
  const weeks = Array.from({ length: WEEKS }, (_, week) => DATA.first_week + 7 * week);
  const names = [...weeks.map(shortDay), word("later"), word("undated")];
  const hours = new Map(DATA.capacity.map(row => [`${row.a} ${row.week}`, row.hours]));
  const laid = row => row.weeks || { [WEEKS + 1]: row.left_hours };
  const rows = [...groups(open, "a")].map(([a, of]) => {
    const row = { person: of[0].person, a, issues: of.length, hours: sum(of, "left_hours"), now: 0,
      overdue: where(of, "overdue").length, choice: `person=${a}`,
      milestone_overdue: where(of, "milestone_overdue").length };
    names.forEach((_, at) => {
      row[at] = [sum(of.map(laid), at), hours.get(`${a} ${weeks[at]}`) ?? null];
      if (at < WEEKS) row.now += row[at][0];
    });
    return row;
  }).sort((x, y) => y.now - x.now || y.issues - x.issues);
  const chart = rows.flatMap(row => names.map((week, place) => ({ person: row.person, week, place,
    hours: Math.round(row[place][0] * 10) / 10, capacity: row[place][1], choice: row.choice })));
  const [top] = [...rows].sort((x, y) => y[0][0] - x[0][0]);
  const more = names.map((head, at) => column(at, head, "load"));
  return { rows, chart, more, of: rows.length, said: { week: shortDay(DATA.first_week),
    h: sum(rows, "hours"), people: where(rows, "a").length,
    top: top ? `${top.person} ${number(top[0][0], 1)} h` : "–",
    n: open.filter(row => row.left_hours == null).length } };
}

/** Milestones that are under way: worked at, or begun and not over. */
const isUnderWay = row => Boolean(row.left
  && (row.working || (row.due >= DATA.today && !(row.start > DATA.today))));

/** Each milestone with its chosen issues, and when it will be done by mart.forecast. */
function milestones({ all }) {
  const found = DATA.milestones.map(() => []);
  for (const row of all) for (const one of [row.m ?? []].flat()) found[one].push(row);
  const whole = FILTERS.slice(1, 5).every(name => chosen[name] === "");
  const known = rowsOf(DATA.milestones).filter(isShown);
  const rows = known.filter(row => whole || found[row.m].length).map(stone => {
    const of = found[stone.m], done = of.filter(row => row.stage === "done").length;
    const state = done < of.length ? stone.state : "all_done", issues_ = of.length;
    return { ...stone, state, issues: issues_, done, left: issues_ - done,
      working: where(of, "working").length, share: issues_ ? done / issues_ : null,
      estimated: sum(of, "estimated"), actual: sum(of, "actual") };
  });
  const due = row => row.left ? row.due ?? 1e9 : 1e12 - (row.due ?? 0);
  rows.sort((x, y) => isUnderWay(y) - isUnderWay(x) || due(x) - due(y));
  const chart = rows.filter(isUnderWay).map(row => ({ ...row, kind: word(row.state),
    today: stamp(DATA.today), due: stamp(row.due),
    done_by_50: stamp(row.by_50), done_by_85: stamp(row.by_85) }));
  const bad = chart.filter(row => row.state === "too_late").length;
  return { rows, chart, of: chart.length, bad, said: { n: bad, all: chart.length } };
}

/** Scope and done of milestones by day, of the chosen issues of their time. */
function burns(rows) {
  const of = groups(rowsOf(DATA.burn), "m");
  return rows.filter(row => of.has(row.m)).map(row => {
    let scope = 0, done = 0;
    const points = sorted(groups(of.get(row.m), "day")).map(([day, steps]) => {
      scope += sum(steps, "scope");
      done += sum(steps, "done");
      return { day: stamp(day), scope, done };
    });
    if (row.left) points.push({ day: stamp(DATA.today), scope, done });
    // What was planned long ago would press the work to the edge.
    const began = Math.min(row.start == null ? 0 : row.start - 14, DATA.today - 28);
    const from = Math.max(points[0].day, row.start == null ? 0 : stamp(began));
    const before = points.filter(one => one.day <= from).pop();
    const chart = [{ ...before, day: from }, ...points.filter(one => one.day > from)];
    const last = chart.at(-1), far = Math.max(stamp(45), last.day - from);
    if (row.due != null && Math.abs(stamp(row.due) - last.day) <= far) last.due = stamp(row.due);
    return { row, chart };
  });
}

function changes() {
  const said = { created: 0, done: 0, reopened: 0, moved: 0 };
  for (const row of rowsOf(DATA.changed)) said[row.what] = (said[row.what] || 0) + row.n;
  const by = ({ what, more }) => what === "moved" && more != null
    ? ` ${more > 0 ? "+" : ""}${more} ${word("d")}` : "";
  const what = row => word(`what_${row.what}`) + by(row);
  return { said, rows: rowsOf(DATA.changes).map(row => ({ ...row, what: what(row) })) };
}

/** Planned and actual hours by month, and by person. */
function plan() {
  const found = rowsOf(DATA.effort).filter(row => row.month + 30 >= since());
  const both = rows => ({ planned: sum(rows, "planned"), actual: sum(rows, "actual") });
  const until = day => Date.parse(`${month(day + 31)}-01`) / MS - day, people = NAMES.person();
  const chart = sorted(groups(found, "month")).map(([day, of]) => (
    { month: month(day), ...both(of), choice: `only=done.${day}.${until(day)}` }));
  const now = chart.find(row => row.month === month(DATA.today));
  // The month that is not over, and those to come, have their plan before their hours.
  const over = both(chart.filter(row => row.month < month(DATA.today)));
  const rows = [...groups(found, "a")].flatMap(([a, of]) => {
    const one = { name: people[a], ...both(of), choice: `person=${a}` };
    for (const [day, some] of groups(of, "month")) one[month(day)] = sum(some, "actual");
    // Plans without a person are of nobody, hours without one of somebody who is not known.
    return a ? one : [{ ...one, name: word("unknown_person"), planned: 0 },
      { name: word("nobody"), planned: one.planned, actual: 0, choice: one.choice }];
  }).filter(row => row.actual || row.planned).sort(largest("actual"));
  const months = chart.map(row => row.month), last = months.slice(-12);
  const hours = months.flatMap(name => where(rows, name).map(row => (
    { month: name, person: row.name, hours: row[name], choice: row.choice })));
  const foot = ["planned", "actual", ...last].map(name => number(sum(rows, name), 1));
  const share = over.planned ? `${Math.round(100 * over.actual / over.planned)} %` : "–";
  return { rows, chart, hours, more: last.map(name => column(name, name, "1")),
    foot: [word("everybody"), ...foot], said: { ...both(now ? [now] : []), all: share } };
}

/** What each project has earned until now, and by week, of all chosen together. */
function earned() {
  const known = new Map(), chart = [];
  for (const [day, of] of sorted(groups(rowsOf(DATA.earned).filter(isShown), "day"))) {
    // A plan that has ended stays where it ended.
    for (const row of of) known.set(row.p, row);
    const now = [...known.values()], soFar = name => day <= DATA.today ? sum(now, name) : null;
    if (day >= since()) chart.push({ day: stamp(day), planned: sum(now, "planned"),
      baseline: sum(now, "baseline"), earned: soFar("earned"), cost: soFar("cost") });
  }
  const rows = rowsOf(DATA.verdicts).filter(isShown).map(row => (
    { ...row, ...DATA.projects[row.p], choice: `project=${row.p}` }));
  const count = name => rows.filter(row => row.verdict === `verdict_${name}`).length;
  const [late, watch, well] = ["late", "watch", "well"].map(count);
  return { rows, chart, bad: late, said: { late, watch, well } };
}

function velocity() {
  const rows = rowsOf(DATA.velocity).filter(isShown).map((row, order) => ({ ...row, order }));
  const over = rows.filter(row => row.carried != null).slice(0, 6), said = { n: over.length };
  for (const name of ["done", "committed", "carried"])
    said[name] = over.length ? number(sum(over, name) / over.length, 1) : "–";
  return { rows, chart: rows.slice(0, 10), of: rows.length, said };
}

/** Open issues whose due date moved, those that moved furthest first, then the other ones. */
function gantt({ open }) {
  const far = row => Math.abs(row.moved), dated = open.filter(row => row.due != null);
  dated.sort((x, y) => far(y) - far(x) || x.due - y.due);
  const chart = dated.slice(0, 10).map((row, order) => (
    { ...row, order, start: stamp(row.start), first_due: stamp(row.first_due ?? row.due),
      due: stamp(row.due), today: stamp(DATA.today) }));
  const rows = where(dated, "moved");
  return { rows, chart, of: dated.length, said: { n: rows.length, all: dated.length } };
}

/** Issues in each stage at the ends of weeks. */
function flow() {
  const found = groups(rowsOf(DATA.flow), "k"), last = 104, now = [0, 0, 0, 0], chart = [];
  const first = Math.max(0, last - (chosen.period === "all" ? last : Number(chosen.period)));
  for (let week = 0; week <= last; week++) {
    for (const row of found.get(week) || []) now[row.stage] += row.n;
    if (week < first || (!chart.length && !now.some(Boolean))) continue;
    const day = stamp(DATA.today - 7 * (last - week));
    STAGES.forEach((stage, order) => chart.push({ day, stage: word(`stage_${stage}`), order,
      issues: now[order], choice: `only=stage.${stage}` }));
  }
  const newest = chart.slice(-4).reverse().map(row => `${row.stage} ${number(row.issues)}`);
  return { chart, said: { now: newest.join(" · ") } };
}

function throughput({ all }) {
  const weekly = (rows, name) => groups(
    rows.filter(row => row[name] != null && row[name] >= since()), row => monday(row[name]));
  const found = { created: weekly(all, "created"), done: weekly(all, "done"),
    reopened: weekly(rowsOf(DATA.reopened), "day") }, names = Object.keys(found), chart = [];
  const first = Math.min(...names.flatMap(name => [...found[name].keys()]));
  for (let week = first; week <= monday(DATA.today); week += 7) {
    const row = { week: stamp(week), choice: `only=done.${week}.7` };
    for (const name of names) row[name] = found[name].get(week)?.length || 0;
    chart.push(row);
  }
  return { chart, said: Object.fromEntries(names.map(name => [name, sum(chart, name)])) };
}

function cycle({ all }) {
  const took = all.filter(row => row.cycle != null && row.done >= since());
  const days = row => Math.max(row.cycle, 1) / 1440, step = Math.ceil(took.length / 1500);
  const [p50, p85, p95] = quantiles(took, [0.5, 0.85, 0.95], days);
  const chart = took.filter((_, at) => at % step === 0).map(row => (
    { ...row, at: stamp(row.done), days: days(row), p50, p85, p95 }));
  const shares = [["50 %", p50], ["85 %", p85], ["95 %", p95]];
  const said = shares.map(([share, at]) => `${share}: ${span(at && 1440 * at)}`).join(" · ");
  return { chart, said: { n: took.length, step, shares: said } };
}

function projects({ all, open }) {
  const late = groups(where(open, "overdue"), "p");
  const rows = [...groups(all, "p")].map(([p, of]) => {
    const ended = of.filter(row => row.done != null && row.done >= since());
    const pair = name => quantiles(ended, [0.5, 0.85], row => row[name]);
    const row = { p, ...DATA.projects[p], issues: of.length, overdue: late.get(p)?.length || 0,
      choice: `project=${p}`, lead: pair("lead"), cycle: pair("cycle"), waiting: 0, active: 0,
      review: 0, done: 0, estimated: sum(of, "estimated"), actual: sum(of, "actual") };
    for (const { stage } of of) row[stage]++;
    return row;
  });
  return { rows: rows.filter(isShown).sort(largest("issues")) };
}
