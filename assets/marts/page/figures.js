// What the parts of the page say: each function takes what is chosen and returns the numbers in its
// words (`said`), the rows of its chart (`chart`) and of its table (`rows`). What a chart makes of
// its rows is in its spec; a row's `choice` is what a click on it picks. Nothing here draws.

/** Days in the same status from which work in progress counts as stuck. */
const STUCK_DAYS = 7;
/** From this SPI on a project is well, and below that one it is late. */
const WELL = 0.95, LATE = 0.85;
const WEEKS = 6;

const daysSince = day => day == null || day >= DATA.today ? null : DATA.today - day;

/** Give rows what is worked out of them, in the chosen language. */
function prepare() {
  const people = NAMES.person(), types = NAMES.type(), stones = NAMES.milestone();
  for (const row of [...DATA.issues, ...DATA.changes]) {
    const { key, url } = DATA.projects[row.p];
    row.key = `${key}-${row.n}`;
    row.href = url ? `${url}/view/${encodeURIComponent(row.key)}` : null;
  }
  for (const row of DATA.issues) {
    const { name, stage } = DATA.statuses[row.s], { estimated } = row;
    const dues = [row.m ?? []].flat().map(one => DATA.milestones[one].due).filter(day => day != null);
    Object.assign(row, { person: people[row.a], type: types[row.t], status: name, stage,
      isOpen: stage !== "done", isWorking: stage === "active" || stage === "review",
      left_hours: estimated == null ? null : Math.max(estimated - (row.actual || 0), 0),
      picks: { person: `person=${row.a}`, type: `type=${row.t}`, status: `status=${row.s}` } });
    if (!row.isOpen) continue;
    row.days_overdue = daysSince(row.due);
    row.days_milestone_overdue = dues.length ? daysSince(Math.min(...dues)) : null;
    row.moved = row.first_due == null || row.due == null ? 0 : row.due - row.first_due;
    row.isStuck = row.isWorking && row.stay >= 24 * STUCK_DAYS;
  }
  DATA.milestones.forEach((row, at) => Object.assign(row, { at, m: at, milestone: stones[at],
    project: DATA.projects[row.p].key, choice: `milestone=${at}` }));
  for (const row of DATA.velocity) Object.assign(row, { milestone: stones[row.m], choice: `milestone=${row.m}` });
}

/** The chosen issues, once for all figures; what is archived is no open work. */
function selection() {
  const all = rowsOf(DATA.issues);
  return { all, open: all.filter(row => row.isOpen && isShown(row)) };
}

const lateness = days => !days ? "" : days <= 7 ? "late_week" : days <= 30 ? "late_month" : "late_long";
/** Which issues are listed: those that are open, or those that a number was made of. */
function issues({ all, open }) {
  const [what, from, days] = (chosen.only || "open").split(".");
  const found = {
    all: () => all, open: () => open, stage: () => (from === "done" ? all : open).filter(row => row.stage === from),
    overdue: () => open.filter(row => row.days_overdue), stuck: () => open.filter(row => row.isStuck),
    milestone_overdue: () => open.filter(row => row.days_milestone_overdue),
    working: () => open.filter(row => row.isWorking), moved: () => open.filter(row => row.moved),
    done: () => all.filter(row => row.done >= from && row.done < +from + +days),
  }[what] || (() => open.filter(row => lateness(row.days_overdue) === what));
  const rows = found();
  return { said: { what: onlyInWords(), n: number(rows.length) }, rows };
}

/** Which issues are listed, in words. */
function onlyInWords() {
  const [what, from, days] = (chosen.only || "open").split(".");
  const when = days ? `${iso(+from)} – ${iso(+from + +days - 1)}` : from ? word(`stage_${from}`) : "";
  return `${word(`only_${what}`)} ${when}`.trim();
}

function overdue({ open }) {
  const rows = open.filter(row => row.days_overdue).sort(largest("days_overdue"));
  const people = [...groups(rows, "person")].sort((x, y) => y[1].length - x[1].length || x[0].localeCompare(y[0]));
  const chart = people.flatMap(([person, of]) => [...groups(of, row => lateness(row.days_overdue))].map(([late, some]) => ({
    person, late: word(late), days_overdue: some[0].days_overdue, issues: some.length, choice: `person=${some[0].a}&only=${late}` })));
  const top = people.length ? `${people[0][0]} ${people[0][1].length}` : "–", count = new Set(rows.map(row => row.a || "")).size;
  return { rows, chart, of: people.length, bad: rows.length, said: { n: number(rows.length), top,
    people: number(count - rows.some(row => !row.a)), milestones: number(open.filter(row => row.days_milestone_overdue).length) } };
}

function stuck({ open }) {
  const rows = open.filter(row => row.isWorking).sort(largest("stay")), still = rows.filter(row => row.isStuck);
  const people = new Set(still.map(row => row.a).filter(Boolean)).size;
  const chart = rows.filter(row => row.age != null).sort(largest("age")).slice(0, 1000).map(row => (
    { ...row, order: -STAGES.indexOf(row.stage), days: Math.max(row.age / 24, 0.04), choice: undefined }));
  return { rows, chart, bad: still.length, said: { n: number(still.length), days: STUCK_DAYS, people: number(people), all: number(rows.length) } };
}

/** What is left of estimates in the coming weeks, by person, against the hours that they have. */
function load({ open }) {
  const weeks = Array.from({ length: WEEKS }, (_, week) => DATA.first_week + 7 * week);
  const names = [...weeks.map(shortDay), word("later"), word("undated")];
  const hours = new Map(DATA.capacity.map(row => [`${row.a} ${row.week}`, row.hours]));
  const rows = [...groups(open, "a")].map(([a, of]) => {
    const laid = names.map((_, week) => sum(of.map(row => row.weeks || { [WEEKS + 1]: row.left_hours }), week));
    return { person: of[0].person, a, issues: of.length, hours: sum(of, "left_hours"), laid, now: laid.slice(0, WEEKS).reduce((x, y) => x + y),
      overdue: of.filter(row => row.days_overdue).length, choice: `person=${a}`,
      milestone_overdue: of.filter(row => row.days_milestone_overdue).length,
      ...Object.fromEntries(laid.map((one, at) => [`week_${at}`, [one, hours.get(`${a} ${weeks[at]}`) ?? null]])) };
  }).sort((x, y) => y.now - x.now || y.issues - x.issues);
  const chart = rows.flatMap(row => names.map((week, place) => ({ person: row.person, week, place,
    hours: Math.round(row.laid[place] * 10) / 10, capacity: row[`week_${place}`][1], choice: row.choice })));
  const top = rows.reduce((most, row) => most && most.laid[0] >= row.laid[0] ? most : row, null);
  const more = names.map((head, at) => column(`week_${at}`, head, "load"));
  return { rows, chart, more, of: rows.length, said: { week: shortDay(DATA.first_week), h: number(sum(rows, "hours")),
    people: number(rows.filter(row => row.a).length), top: top ? `${top.person} ${number(top.laid[0], 1)} h` : "–",
    n: number(open.filter(row => row.left_hours == null).length) } };
}

/** Milestones that are under way: worked at, or begun and not over. */
const isUnderWay = row => Boolean(row.left && (row.working || (row.due >= DATA.today && !(row.start > DATA.today))));

/** Each milestone with its chosen issues, and when it will be done by mart.forecast. */
function milestones({ all }) {
  const found = DATA.milestones.map(() => []), whole = FILTERS.slice(1, 5).every(name => chosen[name] === "");
  for (const row of all) for (const one of [row.m ?? []].flat()) found[one].push(row);
  const rows = rowsOf(DATA.milestones).filter(row => isShown(row) && (found[row.m].length || whole)).map(stone => {
    const of = found[stone.m], left = of.filter(row => row.isOpen).length, done = of.length - left;
    return { ...stone, issues: of.length, done, left, working: of.filter(row => row.isWorking).length, state: left ? stone.state : "all_done",
      share: of.length ? done / of.length : null, estimated: sum(of, "estimated"), actual: sum(of, "actual") };
  });
  const due = row => row.left ? row.due ?? 1e9 : 1e12 - (row.due ?? 0);
  rows.sort((x, y) => isUnderWay(y) - isUnderWay(x) || due(x) - due(y));
  const current = rows.filter(isUnderWay), late = current.filter(row => row.state === "too_late").length;
  const chart = current.map(row => ({ milestone: row.milestone, today: stamp(DATA.today), due: stamp(row.due), state: row.state,
    done_by_50: stamp(row.by_50), done_by_85: stamp(row.by_85), kind: word(row.state), choice: row.choice }));
  return { rows, chart, of: chart.length, bad: late, said: { n: number(late), all: number(chart.length) } };
}

/** Scope and done of milestones by day, of the chosen issues of their time. */
function burns(rows) {
  const of = groups(rowsOf(DATA.burn), "m");
  return rows.filter(row => of.has(row.m)).map(row => {
    const days = groups(of.get(row.m), "day");
    let scope = 0, done = 0;
    const points = [...days.keys()].sort((x, y) => x - y).map(day => {
      scope += sum(days.get(day), "scope"); done += sum(days.get(day), "done");
      return { day: day * MS, scope, done };
    });
    if (row.left) points.push({ day: DATA.today * MS, scope, done });
    // What was planned long ago would press the work to the edge.
    const from = Math.max(points[0].day, Math.min((row.start ?? points[0].day / MS) - 14, DATA.today - 28) * MS);
    const before = points.filter(one => one.day <= from).pop();
    const chart = [{ ...before, day: from }, ...points.filter(one => one.day > from)], last = chart.at(-1);
    if (Math.abs(stamp(row.due) - last.day) <= Math.max(45 * MS, last.day - from)) last.due = stamp(row.due);
    return { row, chart };
  });
}

function changes() {
  const counted = groups(rowsOf(DATA.changed), "what"), count = name => number(sum(counted.get(name) || [], "n"));
  const rows = rowsOf(DATA.changes).map(row => ({ ...row, what: word(`what_${row.what}`) + (
    row.what === "moved" && row.more != null ? ` ${row.more > 0 ? "+" : ""}${row.more} ${word("d")}` : "") }));
  return { rows, said: Object.fromEntries(["created", "done", "reopened", "moved"].map(name => [name, count(name)])) };
}

/** Planned and actual hours by month, and by person. */
function plan() {
  const found = rowsOf(DATA.effort).filter(row => row.month + 30 >= since()), today = month(DATA.today), people = NAMES.person();
  const chart = [...groups(found, "month")].sort((x, y) => x[0] - y[0]).map(([day, of]) => ({ month: month(day), day,
    planned: sum(of, "planned"), actual: sum(of, "actual"), choice: `only=done.${day}.${Date.parse(`${month(day + 31)}-01`) / MS - day}` }));
  const now = chart.find(row => row.month === today) || { planned: 0, actual: 0 };
  // The month that is not over, and those to come, have their plan before their hours.
  const over = chart.filter(row => row.month < today), planned = sum(over, "planned");
  const hours = found.filter(row => row.actual).map(row => ({ month: month(row.month), hours: row.actual, a: row.a,
    person: row.a ? people[row.a] : word("unknown_person"), choice: `person=${row.a}` }));
  const sums = [...groups(hours, row => `${row.month} ${row.a}`).values()].map(of => ({ ...of[0], hours: sum(of, "hours") }));
  // Plans without a person are of nobody, hours without one of somebody who is not known.
  const rows = [...groups(found, "a")].flatMap(([a, of]) => {
    const months = Object.fromEntries([...groups(of, row => month(row.month))].map(([name, some]) => [name, sum(some, "actual")]));
    const one = { name: people[a], planned: sum(of, "planned"), total: sum(of, "actual"), choice: `person=${a}`, ...months };
    return a ? one : [{ ...one, name: word("unknown_person"), planned: 0 }, { name: word("nobody"), planned: one.planned, total: 0 }];
  }).filter(row => row.total || row.planned).sort(largest("total"));
  const last = chart.map(row => row.month).slice(-12), more = last.map(name => column(name, name, "1"));
  const foot = [word("everybody"), ...["planned", "total", ...last].map(name => number(sum(rows, name), 1))];
  return { rows, chart, more, foot, hours: sums.sort((x, y) => x.month.localeCompare(y.month)), total: number(sum(hours, "hours"), 1), said: { planned: number(now.planned),
    actual: number(now.actual), all: planned ? `${Math.round(100 * sum(over, "actual") / planned)} %` : "–" } };
}

/** Well: in the plan, and by 85 % in time. Late: far behind, or after the due date by 50 %. */
function verdict({ spi, due, by_50, by_85, left }) {
  if (spi == null && by_85 == null) return "verdict_none";
  const after = day => due != null && day != null && day > due;
  if ((spi ?? 1) < LATE || after(by_50) || (left && after(DATA.today))) return "verdict_late";
  return (spi ?? 1) < WELL || after(by_85) ? "verdict_watch" : "verdict_well";
}

/** What each project has earned until now, and by week, of all chosen together. */
function earned() {
  const found = rowsOf(DATA.earned).filter(isShown), last = new Map(), chart = [];
  for (const [day, of] of [...groups(found, "day")].sort((x, y) => x[0] - y[0])) {
    // A plan that has ended stays where it ended.
    for (const row of of) last.set(row.p, row);
    const now = [...last.values()], isPast = day <= DATA.today;
    if (day >= since()) chart.push({ day: stamp(day), planned: sum(now, "planned"), baseline: sum(now, "baseline"),
      earned: isPast ? sum(now, "earned") : null, cost: isPast ? sum(now, "cost") : null });
  }
  const rows = rowsOf(DATA.verdicts).filter(isShown).map(row => ({ ...row, ...DATA.projects[row.p], verdict: verdict(row), choice: `project=${row.p}` }));
  const count = name => rows.filter(row => row.verdict === `verdict_${name}`).length;
  return { rows, chart, bad: count("late"), said: { late: count("late"), watch: count("watch"), well: count("well") } };
}

function velocity() {
  const rows = rowsOf(DATA.velocity).filter(isShown).map((row, order) => ({ ...row, order })), over = rows.filter(row => row.carried != null).slice(0, 6);
  const mean = name => over.length ? number(sum(over, name) / over.length, 1) : "–";
  return { rows, chart: rows.slice(0, 10), of: rows.length, said: { n: over.length, done: mean("done"), committed: mean("committed"), carried: mean("carried") } };
}

/** Open issues whose due date moved, those that moved furthest first, then the other ones. */
function gantt({ open }) {
  const dated = open.filter(row => row.due != null).sort((x, y) => Math.abs(y.moved) - Math.abs(x.moved) || x.due - y.due);
  const chart = dated.slice(0, 10).map(({ key, href, summary, start, first_due, due }, order) => ({ key, href, summary, order,
    start: stamp(start), first_due: stamp(first_due ?? due), due: stamp(due), today: stamp(DATA.today) }));
  const rows = dated.filter(row => row.moved);
  return { rows, chart, of: dated.length, said: { n: number(rows.length), all: number(dated.length) } };
}

/** Issues in each stage at the ends of weeks. */
function flow() {
  const found = groups(rowsOf(DATA.flow), "k"), last = 104, now = [0, 0, 0, 0], chart = [];
  const first = Math.max(0, last - (chosen.period === "all" ? last : Number(chosen.period)));
  for (let week = 0; week <= last; week++) {
    for (const row of found.get(week) || []) now[row.stage] += row.n;
    if (week < first || (!chart.length && !now.some(Boolean))) continue;
    now.forEach((count, order) => chart.push({ day: stamp(DATA.today - 7 * (last - week)), stage: word(`stage_${STAGES[order]}`),
      order, issues: count, choice: `only=stage.${STAGES[order]}` }));
  }
  return { chart, said: { now: chart.slice(-4).reverse().map(row => `${row.stage} ${number(row.issues)}`).join(" · ") } };
}

function throughput({ all }) {
  const weeks = new Map(), chart = [], zero = { created: 0, done: 0, reopened: 0 }, from = since();
  const put = (day, what) => {
    if (day == null || day < from) return;
    if (!weeks.has(monday(day))) weeks.set(monday(day), { ...zero });
    weeks.get(monday(day))[what]++;
  };
  for (const row of all) { put(row.created, "created"); put(row.done, "done"); }
  for (const row of rowsOf(DATA.reopened)) put(row.day, "reopened");
  for (let week = Math.min(...weeks.keys()); week <= monday(DATA.today); week += 7)
    chart.push({ ...zero, ...weeks.get(week), week: stamp(week), choice: `only=done.${week}.7` });
  return { chart, said: Object.fromEntries(Object.keys(zero).map(name => [name, number(sum(chart, name))])) };
}

function cycle({ all }) {
  const took = all.filter(row => row.cycle != null && row.done >= since()), step = Math.ceil(took.length / 1500);
  const days = row => Math.max(row.cycle, 1) / 1440, sorted = took.map(days).sort((x, y) => x - y);
  const [p50, p85, p95] = [0.5, 0.85, 0.95].map(share => quantile(sorted, share));
  const chart = took.filter((_, place) => place % step === 0).map(row => ({ ...row, at: stamp(row.done), days: days(row), p50, p85, p95 }));
  const shares = took.length ? [[50, p50], [85, p85], [95, p95]].map(([of, at]) => `${of} %: ${span(1440 * at)}`).join(" · ") : "";
  return { chart, said: { n: number(took.length), step, shares } };
}

function projects({ all, open }) {
  const late = groups(open.filter(row => row.days_overdue), "p");
  const rows = [...groups(all, "p")].map(([p, of]) => {
    const stages = groups(of, "stage"), ended = of.filter(row => row.done != null && row.done >= since());
    const times = name => ended.map(row => row[name]).filter(one => one != null).sort((x, y) => x - y);
    const pair = name => [0.5, 0.85].map(share => quantile(times(name), share));
    return { p, ...DATA.projects[p], issues: of.length, overdue: late.get(p)?.length || 0, choice: `project=${p}`,
      ...Object.fromEntries(STAGES.map(name => [name, stages.get(name)?.length || 0])),
      estimated: sum(of, "estimated"), actual: sum(of, "actual"), lead: pair("lead"), cycle: pair("cycle") };
  }).filter(isShown).sort(largest("issues"));
  return { rows };
}
