// What the page says: each function takes what is chosen and returns rows for charts and tables. Nothing here draws.

/** Days in the same status from which work in progress counts as stuck. */
const STUCK_DAYS = 7;
const LOAD_WEEKS = 6;
/** A milestone of which something was done in these days is under way. */
const LATELY_DAYS = 28;
/** Milestones whose ends are drawn, and the days before and after today that have room. */
const ENDINGS = 10, ENDINGS_DAYS = 120;
const OTHERS = -1;

/** The chosen issues, once for all figures. */
function selection() {
  const issues = DATA.issues, all = rowsOf(issues), stages = DATA.statuses.map(status => status.stage);
  const open = all.filter(at => stages[issues.s[at]] !== "done");
  return { all, open, stageOf: at => stages[issues.s[at]] };
}

function overdue({ open }) {
  const { due, a } = DATA.issues;
  const late = open.filter(at => due[at] != null && due[at] < DATA.today).sort((x, y) => due[x] - due[y]);
  const people = [...groups(late, at => a[at])].sort((x, y) => y[1].length - x[1].length || personOf(x[0]).localeCompare(personOf(y[0])));
  const rows = people.slice(0, 10).flatMap(([person, places], order) => {
    const classes = [0, 0, 0];
    for (const at of places) { const days = DATA.today - due[at]; classes[days <= 7 ? 0 : days <= 30 ? 1 : 2]++; }
    return classes.map((issues, place) => ({
      person: personOf(person), order, late: word(["late_week", "late_month", "late_long"][place]), place, issues,
    })).filter(row => row.issues);
  });
  return { late, people, rows };
}

function stuck({ open, stageOf }) {
  const { stay, a } = DATA.issues;
  const working = open.filter(at => ["active", "review"].includes(stageOf(at)));
  const still = working.filter(at => stay[at] >= 24 * STUCK_DAYS).sort((x, y) => stay[y] - stay[x]);
  return { working, still, people: new Set(still.map(at => a[at]).filter(person => person)).size };
}

function ageing({ working }) {
  const { age, s, a, risk } = DATA.issues, issues = DATA.issues;
  const old = working.filter(at => age[at] != null).sort((x, y) => age[y] - age[x]);
  const seen = new Map();
  return old.slice(0, 1000).map(at => {
    const place = seen.get(s[at]) || 0;
    seen.set(s[at], place + 1);
    const status = DATA.statuses[s[at]], key = keyOf(issues, at);
    return {
      at, key, name: place < 3 ? key : "", status: status.name, order: -STAGES.indexOf(status.stage), person: personOf(a[at]),
      days: Math.max(age[at] / 24, 0.04), risk: word(`risk_${risk[at] || "unknown"}`), place: (place * 0.618034) % 1,
    };
  });
}

/**
 * What is left of the estimates, laid on the weeks to come as mart.upcoming_load does: evenly over the working days from the start (at the
 * earliest today) to the due date. What is overdue, or has no due date, takes as many whole working days from then on as it needs.
 */
function load({ open }) {
  const { due, due_by, start, estimated, actual, a } = DATA.issues, days = DATA.workdays;
  // On a Saturday the first week with a working day is the next one.
  const first = monday(days[0] ?? DATA.today), people = new Map();
  let unestimated = 0;
  const dayFrom = day => { let at = 0; while (at < days.length - 1 && days[at] < day) at++; return at; };
  for (const at of open) {
    if (estimated[at] == null) unestimated++;
    const left = Math.max((estimated[at] || 0) - (actual[at] || 0), 0);
    if (!people.has(a[at])) people.set(a[at], { issues: 0, hours: 0, late: 0, weeks: new Array(LOAD_WEEKS + 2).fill(0) });
    const one = people.get(a[at]);
    one.issues++;
    one.hours += left;
    if (due[at] != null && due[at] < DATA.today) one.late++;
    if (!left) continue;
    if ((due_by[at] == null && start[at] == null) || !days.length) { one.weeks[LOAD_WEEKS + 1] += left; continue; }
    const from = dayFrom(Math.max(start[at] ?? DATA.today, DATA.today));
    let until = from + Math.max(Math.ceil(left / DATA.day_hours), 1) - 1;
    if (due_by[at] != null && due_by[at] >= DATA.today) for (until = from; until + 1 < days.length && days[until + 1] <= due_by[at];) until++;
    until = Math.min(until, days.length - 1);
    for (let day = from; day <= until; day++) one.weeks[Math.min(Math.floor((days[day] - first) / 7), LOAD_WEEKS)] += left / (until - from + 1);
  }
  const names = [...Array.from({ length: LOAD_WEEKS }, (_, week) => shortDay(first + 7 * week)), word("later"), word("undated")];
  const now = one => sum(one.weeks.slice(0, LOAD_WEEKS));
  const sorted = [...people].sort((x, y) => now(y[1]) - now(x[1]) || y[1].issues - x[1].issues);
  const rows = sorted.slice(0, 11).flatMap(([person, one], order) => one.weeks.map((hours, place) => (
    { person: personOf(person), order, week: names[place], place, hours: Math.round(hours * 10) / 10 })));
  return { first, people: sorted, names, rows, unestimated, hours: sum(sorted.map(([, one]) => one.hours)) };
}

/** Each milestone, and the days by which all of it is done with 50 and 85 %, of mart.forecast. */
function milestones({ all, stageOf }) {
  const issues = DATA.issues, found = new Map();
  const put = (stone, at) => { if (!found.has(stone)) found.set(stone, []); found.get(stone).push(at); };
  for (const at of all) {
    const of = issues.m[at];
    if (of == null) continue;
    if (Array.isArray(of)) of.forEach(stone => put(stone, at)); else put(of, at);
  }
  const unfiltered = chosen.team === "" && chosen.person === "" && chosen.type === "";
  const rows = DATA.milestones.flatMap((stone, at) => {
    if (!inProject(stone.project) || (stone.archived && !chosen.archived)) return [];
    const of = found.get(at) || [];
    if (!of.length && !unfiltered) return [];
    const count = test => of.filter(test).length;
    const done = count(one => stageOf(one) === "done"), left = of.length - done;
    const since = DATA.today - LATELY_DAYS;
    const lately = count(one => issues.done[one] != null && issues.done[one] > since);
    const half = left ? stone.by_50 : null, end = left ? stone.by_85 : null, { reason } = stone;
    const state = !left ? "" : stone.due == null ? "no_due"
      : stone.due < DATA.today || half > stone.due ? "too_late" : half == null ? "no_forecast"
      : end != null && end <= stone.due ? "in_time" : "at_risk";
    return [{
      at, project: DATA.projects[stone.project].key, name: stone.name, archived: stone.archived, start: stone.start, due: stone.due,
      issues: of.length, done, left, working: count(one => ["active", "review"].includes(stageOf(one))), lately,
      half, end, reason, state,
      estimated: sum(of.map(one => issues.estimated[one])), actual: sum(of.map(one => issues.actual[one])),
    }];
  });
  return rows.sort((x, y) => isUnderWay(y) - isUnderWay(x) || (y.left > 0) - (x.left > 0) || (x.left ? (x.due ?? 1e9) - (y.due ?? 1e9) : (y.due ?? 0) - (x.due ?? 0)));
}

/** Milestones that are under way: worked at, or begun and not over. */
const isUnderWay = row => Boolean(row.left && (row.working || row.lately || (row.due >= DATA.today && !(row.start > DATA.today))));
const underWay = rows => rows.filter(isUnderWay);

/** When the work on a milestone ends, in words: a day, or why there is none. */
const endOf = (row, day = row.end) => !row.left ? word("all_done") : day != null ? iso(day)
  : row.reason ? word(`reason_${row.reason}`) : "–";

/** The first milestones under way as bars: cut where they would press the others together, which `cut` marks. Words say the real days. */
function endings(rows) {
  const most = DATA.today + ENDINGS_DAYS, near = day => day != null && Math.abs(day - DATA.today) < ENDINGS_DAYS;
  return underWay(rows).slice(0, ENDINGS).map((row, order) => ({
    milestone: `${row.project} ${row.name}`, order, today: DATA.today * MS,
    half: Math.min(row.half ?? most, most) * MS, end: Math.min(row.end ?? most, most) * MS,
    cut: row.half == null ? "?" : row.end == null || row.end > most ? "→" : "",
    due: near(row.due) ? row.due * MS : null,
    half_on: endOf(row, row.half), ends: endOf(row), due_on: iso(row.due), state: word(row.state),
  }));
}

/** Scope and done of a milestone by day, of the chosen issues of its time. */
function burns(rows) {
  const burn = DATA.burn, of = groups(rowsOf(burn), at => burn.m[at]);
  return rows.filter(row => of.has(row.at)).map(row => {
    const days = new Map();
    for (const at of of.get(row.at)) {
      const one = days.get(burn.day[at]) || [0, 0];
      days.set(burn.day[at], [one[0] + burn.scope[at], one[1] + burn.done[at]]);
    }
    let scope = 0, done = 0;
    const points = [...days.keys()].sort((x, y) => x - y).map(day => {
      scope += days.get(day)[0]; done += days.get(day)[1];
      return { day: day * MS, scope, done };
    });
    if (!points.length) return { row, points };
    if (row.left) points.push({ day: DATA.today * MS, scope, done });
    // What was planned long ago would press the work to the edge.
    const from = Math.max(points[0].day, Math.min((row.start ?? points[0].day / MS) - 14, DATA.today - 28) * MS);
    const before = points.filter(point => point.day <= from).pop();
    const shown = [...(before ? [{ ...before, day: from }] : []), ...points.filter(point => point.day > from)];
    const last = shown[shown.length - 1].day, near = row.due != null && Math.abs(row.due * MS - last) <= Math.max(45 * MS, last - from);
    if (near) shown[shown.length - 1] = { ...shown[shown.length - 1], due: row.due * MS };
    return { row, points: shown };
  });
}

function changes() {
  const { what, n } = DATA.changed, counted = rowsOf(DATA.changed);
  const count = kind => sum(counted.filter(at => what[at] === kind).map(at => n[at]));
  return { places: rowsOf(DATA.changes), ...Object.fromEntries(["created", "done", "reopened", "moved"].map(kind => [kind, count(kind)])) };
}

function effort() {
  const table = DATA.effort, first = since(), places = rowsOf(table, at => table.month[at] + 30 >= first);
  const months = [...groups(places, at => table.month[at])].sort((x, y) => x[0] - y[0])
    .map(([of, at]) => ({ month: month(of), planned: sum(at.map(one => table.planned[one])), actual: sum(at.map(one => table.actual[one])) }));
  const rows = months.flatMap(one => ["planned", "actual"].map(kind => ({ month: one.month, kind: word(kind), hours: one[kind] })));
  const people = [...groups(places, at => table.a[at])].map(([person, at]) => {
    const by = new Map([...groups(at, one => month(table.month[one]))].map(([of, those]) => [of, sum(those.map(one => table.actual[one]))]));
    return { person, by, planned: sum(at.map(one => table.planned[one])), total: sum(at.map(one => table.actual[one])) };
  }).sort((x, y) => y.total - x.total);
  const named = people.filter(one => one.total).slice(0, 6).map(one => one.person), bars = new Map();
  for (const one of people) {
    const order = named.indexOf(one.person) < 0 ? OTHERS : named.indexOf(one.person);
    for (const [of, hours] of one.by) {
      const key = `${of} ${order}`, bar = bars.get(key)
        || { month: of, person: order === OTHERS ? word("others") : one.person ? personOf(one.person) : word("unknown_person"), order: order === OTHERS ? 6 : order, hours: 0 };
      bar.hours += hours;
      bars.set(key, bar);
    }
  }
  return { months, rows, people, hours: [...bars.values()].filter(bar => bar.hours).sort((x, y) => x.month.localeCompare(y.month)) };
}

/** Issues in each stage at the ends of weeks. */
function flow() {
  const table = DATA.flow, weeks = Math.max(1, ...table.k) + 1, steps = STAGES.map(() => new Array(weeks).fill(0));
  for (const at of rowsOf(table)) steps[table.stage[at]][table.k[at]] += table.n[at];
  const last = 104, first = Math.max(0, last - (chosen.period === "all" ? last : Number(chosen.period)));
  const rows = [];
  let floor = 0, began = false;
  const now = [0, 0, 0, 0];
  for (let week = 0; week <= last; week++) {
    for (let stage = 0; stage < 4; stage++) now[stage] += steps[stage][week] || 0;
    if (week < first || (!began && !sum(now))) continue;
    if (!began) floor = now[0];
    began = true;
    now.forEach((issues, order) => rows.push({ day: (DATA.today - 7 * (last - week)) * MS, stage: word(`stage_${STAGES[order]}`), order, issues }));
  }
  const top = Math.max(1, ...groupsSum(rows));
  // What was done before the period would press the rest to the top: the axis begins a little below it.
  return { rows, floor: floor > 0.25 * top ? Math.max(0, Math.floor(floor - 0.15 * (top - floor))) : 0 };
}
const groupsSum = rows => [...groups(rows.keys(), at => rows[at].day).values()].map(places => sum(places.map(at => rows[at].issues)));

function throughput({ all }) {
  const issues = DATA.issues, from = since(), weeks = new Map();
  const put = (day, what) => {
    if (day == null || day < from) return;
    const week = monday(day);
    if (!weeks.has(week)) weeks.set(week, { created: 0, done: 0, reopened: 0 });
    weeks.get(week)[what]++;
  };
  for (const at of all) { put(issues.created[at], "created"); put(issues.done[at], "done"); }
  for (const at of rowsOf(DATA.reopened)) put(DATA.reopened.day[at], "reopened");
  if (!weeks.size) return { rows: [], over: [], ceiling: 1 };
  const rows = [], done = [];
  const first = [...weeks.keys()].reduce((x, y) => Math.min(x, y));
  for (let week = first; week <= monday(DATA.today); week += 7) {
    const one = weeks.get(week) || { created: 0, done: 0, reopened: 0 };
    done.push(one.done);
    const lately = done.slice(-4);
    rows.push({ week: week * MS, ...one, below: -one.reopened, mean: sum(lately) / lately.length });
  }
  const tops = rows.map(row => Math.max(row.created, row.done)), typical = 2 * quantile([...tops].sort((x, y) => x - y), 0.95);
  const high = tops.filter(top => top > typical).length;
  const ceiling = 1.05 * (typical >= 1 && high >= 1 && high <= 2 ? typical : Math.max(1, ...tops));
  return { rows, ceiling, over: rows.filter((row, at) => tops[at] > ceiling).map(row => ({ week: row.week, text: `↑ ${number(Math.max(row.created, row.done))}` })) };
}

function cycles({ all }) {
  const issues = DATA.issues, from = since();
  const took = all.filter(at => issues.cycle[at] != null && issues.done[at] >= from);
  const sorted = took.map(at => Math.max(issues.cycle[at], 1)).sort((x, y) => x - y), step = Math.ceil(took.length / 1500);
  const rows = took.filter((_, place) => place % step === 0)
    .map(at => ({ issue: at, at: issues.done[at] * MS, days: Math.max(issues.cycle[at], 1) / 1440, key: keyOf(issues, at) }));
  const marks = sorted.length ? [0.5, 0.85, 0.95].map((share, at) => ({ days: quantile(sorted, share) / 1440, text: `${100 * share} %: ${span(quantile(sorted, share))}`, side: at })) : [];
  return { rows, marks, issues: took.length, step };
}

function projects({ all, stageOf }) {
  const issues = DATA.issues, from = since();
  return [...groups(all, at => issues.p[at])].map(([at, of]) => {
    const times = name => of.filter(one => issues.done[one] != null && issues.done[one] >= from && issues[name][one] != null).map(one => issues[name][one]).sort((x, y) => x - y);
    const lead = times("lead"), cycle = times("cycle"), count = stage => of.filter(one => stageOf(one) === stage).length;
    return {
      ...DATA.projects[at], issues: of.length, waiting: count("waiting"), active: count("active"), review: count("review"), done: count("done"),
      estimated: sum(of.map(one => issues.estimated[one])), actual: sum(of.map(one => issues.actual[one])),
      lead50: quantile(lead, 0.5), lead85: quantile(lead, 0.85), cycle50: quantile(cycle, 0.5), cycle85: quantile(cycle, 0.85),
    };
  }).sort((x, y) => y.issues - x.issues);
}
