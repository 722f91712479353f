// The page put together: its controls, and what is shown of the figures.
const byId = id => document.getElementById(id);
const PERIODS = ["4", "13", "26", "52", "all"], SELECTS = FILTERS.slice(0, 4);
/** Charts that have the last two years of all time. */
const TWO_YEARS = ["plan", "hours", "flow", "earned"];

function controls() {
  const options = (id, list) => {
    byId(id).replaceChildren(...list.map(([value, label]) => make("option", { value }, label)));
    byId(id).value = chosen[id];
  };
  for (const name of SELECTS) {
    const list = NAMES[name]().map((one, at) => [String(at), one]);
    if (name === "person") list.sort((x, y) => x[1].localeCompare(y[1], chosen.lang));
    options(name, [["", word("everything")], ...list]);
  }
  options("period", PERIODS.map(period => [period, word(`period_${period}`)]));
  byId("archived").checked = chosen.archived !== "";
  const active = [...FILTERS, "only"].filter(name => chosen[name] !== "");
  const said = name => name === "only" ? onlyInWords()
    : `${word(name)}: ${NAMES[name]()[chosen[name]]}`;
  const chip = name => picker(`${name}=${chosen[name]}`, `${said(name)} ×`);
  byId("chips").replaceChildren(...active.map(chip));
  byId("active").textContent = active.length || "";
}

function inWords() {
  document.documentElement.lang = chosen.lang;
  for (const place of document.querySelectorAll("[data-word]"))
    place.textContent = fill(place.dataset.word, { days: STUCK_DAYS, ...DATA.limits });
  const other = chosen.lang === "ja" ? "en" : "ja";
  byId("language").textContent = other === "ja" ? "日本語" : "English";
  byId("language").lang = other;
  byId("filters").setAttribute("aria-label", word("filters"));
  byId("theme").textContent = word(isDark() ? "to_light" : "to_dark");
}

const tag = (kind, said) => make("span", { class: kind }, said);
/** How a value is shown: as a number or a long text, and what is made of it and its row. */
const FORMS = {
  day: ["", iso], short: ["", shortDay], ms: ["", value => value == null ? "–" : iso(value / MS)],
  long: ["long"], word: ["", word], share: ["n", percent], ratio: ["n", ratio],
  hours: ["n", value => span(value == null ? null : 60 * Math.max(0, value))],
  pair: ["n", two => two.map(span).join(" · ")],
  reason: ["", (name, { state }) => name && state !== "all_done" ? word(`reason_${name}`) : ""],
  issue: ["", (key, { href }) => href
    ? make("a", { href, target: "_blank", rel: "noopener noreferrer" }, key) : key],
  named: ["long", (name, row) => row.archived ? `${name} (${word("archived")})` : name],
  risk: ["", risk => tag(`tag${risk === "high" ? " bad" : ""}`, word(`risk_${risk || "unknown"}`))],
  verdict: ["", name => tag(`tag ${name}`, word(name))],
  cpi: ["n", (cpi, row) => cpi == null || row.is_cpi_reliable ? ratio(cpi)
    : tag("quiet", fill("unreliable", { cpi: ratio(cpi) }))],
  load: ["n", ([hours, capacity]) => capacity == null ? number(hours, 1)
    : tag(hours > capacity ? "bad" : "", `${number(hours)} / ${number(capacity)} h`)],
  result: ["", (_, { is_equal, differences: n }) => is_equal == null ? "–" : is_equal
    ? tag("good", `✓ ${word("equal")}`) : tag("bad", `${word("differences")}: ${number(n)}`)],
};

/**
 * Columns as `parts.json` has them: `field`, with `=word` of its head, `:form` (of `FORMS`, or
 * digits), and `@` where a click picks what the row is of, `@only` where it lists these issues.
 */
const columnsOf = said => said.split(" ").map(one => {
  const [, field, head, form, pick] = one.match(/^(\w+)(?:=(\w+))?(?::(\w+))?(@[\w.]*)?$/);
  const only = pick?.length > 1 ? `&only=${pick.slice(1)}` : "";
  return column(field, word(head || field), form, pick
    && (row => row.picks?.[field] || `${row.choice}${only}`));
});
function column(field, head, form, pick) {
  const raw = /^\d$/.test(form), of = row => [row[field]].flat()[0];
  const [kind, show_] = raw ? ["n", value => number(value, +form)] : FORMS[form] || [""];
  return { head, of, kind, pick, raw, cell: show_ && (row => show_(row[field], row)) };
}

/** A chart, the line about it, and its table, which is made when it is opened. */
function figure(name, rows, said, place = byId(`chart-${name}`), id = name) {
  const title = place.querySelector(".title").textContent, details = place.querySelector("details");
  place.querySelector(".said").textContent = said;
  const plot = place.querySelector(".plot");
  plot.setAttribute("aria-label", `${title}. ${said} ${word("table_below")}`);
  show(plot, name, rows);
  details.ontoggle = () => details.open
    && table(byId(`rows-${id}`), title, columnsOf(PARTS.charts[name]), rows);
  details.ontoggle();
}

/** The milestones with most left to do, each a picture of its own. */
function showBurns(rows) {
  const most = of => burns(of).sort((x, y) => y.row.left - x.row.left).slice(0, 6);
  const current = rows.some(isUnderWay) ? rows.filter(isUnderWay) : rows.filter(row => row.left);
  const old = rows.filter(row => row.archived && !current.includes(row));
  const all = [...most(current), ...most(old)];
  forgetDrawings(byId("burns").querySelectorAll(".plot"));
  const copies = all.map(() => byId("burn").content.firstElementChild.cloneNode(true));
  byId("burns").replaceChildren(...copies);
  all.forEach(({ row, chart }, at) => {
    const place = copies[at], id = `burn-${row.m}`;
    const title = `${row.milestone}: ${number(row.done)} / ${number(row.issues)}`;
    place.querySelector(".title").append(picker(row.choice, title));
    place.querySelector(".table").id = `rows-${id}`;
    place.querySelector("summary").textContent = word("as_table");
    figure("burn", chart, "", place, id);
  });
  if (!all.length) byId("burns").append(tag("none", word("no_data")));
}

function sync() {
  const rate = of => of == null ? "–" : `${(100 * of).toFixed(1)} %`;
  const day = one => make("p", {}, fill("say_day", { ...one, rate: rate(one.rate) }));
  byId("days").replaceChildren(...DATA.days.map(day));
  const mine = chosen.project === "" ? null : DATA.projects[chosen.project].key;
  return { rows: (DATA.sync || []).filter(row => mine === null || row.project_key === mine) };
}

/** Show what is chosen, everywhere: what a part says, its chart, and its table. */
async function update() {
  controls();
  const picked = selection(), { all, open } = picked, found = {};
  byId("chosen").textContent = fill("say_chosen", { n: all.length, open: open.length });
  for (const figures of [overdue, stuck, load, milestones, changes, plan, earned, velocity, gantt,
    flow, throughput, cycle, projects, issues, sync]) found[figures.name] = figures(picked);
  found.ageing = { chart: found.stuck.chart };
  found.hours = { chart: found.plan.hours, said: { h: sum(found.plan.hours, "hours") } };
  for (const [name, { said, of = 0, bad, chart }] of Object.entries(found)) {
    const [head, rest = ""] = said ? fill(`say_${name}`, said).split("|") : [""];
    const only = PARTS.parts[name]?.only, more = [];
    const big = make("b", { class: bad && "bad" }, only ? picker(`only=${only}`, head) : head);
    document.querySelector(`#card-${name} .answer`)?.replaceChildren(big, ` ${rest}`);
    if (name === "issues") byId("listed").textContent = head;
    // How many of those that there are a chart has room for; how far back it goes.
    if (of > 10) more.push(fill("some_of", { n: 10, all: of }));
    if (chosen.period === "all" && TWO_YEARS.includes(name)) more.push(word("two_years"));
    if (name in PARTS.charts) figure(name, chart, [`${head} ${rest}`, ...more].join(" · "));
  }
  for (const [name, part] of Object.entries(PARTS.parts)) {
    const { rows, more = [], foot } = found[name], title = word(`part_${name}`);
    if (part.card && part.card !== "chart")
      table(byId(`short-${name}`), word(`ask_${name}`), columnsOf(part.card), rows, { first: 7 });
    if (part.table)
      table(byId(`table-${name}`), title, [...columnsOf(part.table), ...more], rows, { foot });
  }
  showBurns(found.milestones.rows);
  const kept = Object.entries(chosen).filter(([, value]) => value !== "");
  history.replaceState(null, "", `#?${new URLSearchParams(kept)}`);
  await drawAll();
}

/** Choose what is named, as `person=3&only=overdue`; what is chosen already is chosen no more. */
function choose(choice) {
  const wished = [...new URLSearchParams(choice)];
  const undo = wished.every(([name, value]) => chosen[name] === value);
  for (const [name, value] of wished) chosen[name] = undo ? "" : value;
  return update();
}

async function redraw() {
  document.documentElement.classList.toggle("dark", isDark());
  inWords();
  byId("notes").hidden = !DATA.notes.length;
  byId("notes").textContent = DATA.notes.map(([name, values]) => fill(name, values)).join(" ");
  prepare();
  forgetDrawings();
  await update();
}

function wire() {
  const on = (id, event, change, again = update) => byId(id).addEventListener(event, () => {
    change();
    again();
  });
  for (const id of [...SELECTS, "period"]) on(id, "change", () => { chosen[id] = byId(id).value; });
  on("archived", "change", () => { chosen.archived = byId("archived").checked ? "1" : ""; });
  on("reset", "click", () => Object.assign(chosen, NOTHING, { period: "26" }));
  on("language", "click", () => { chosen.lang = chosen.lang === "ja" ? "en" : "ja"; }, redraw);
  on("theme", "click", () => { chosen.theme = isDark() ? "light" : "dark"; }, redraw);
  on("print", "click", () => print(), () => {});
  byId("drawer").open = innerWidth > 700;
  document.addEventListener("click", async ({ target }) => {
    const choice = target.closest("[data-pick]")?.dataset.pick;
    if (choice) await choose(choice);
    // From a number to its issues.
    if (choice?.includes("only=") && chosen.only && !target.closest("#chips"))
      byId("issues").scrollIntoView();
  });
  dark.addEventListener("change", redraw);
}

async function start() {
  const given = new URLSearchParams(location.hash.replace(/^#\??/, ""));
  chosen.lang = navigator.language.startsWith("ja") ? "ja" : "en";
  DATA = await unpack(byId("data").textContent);
  const fixed = { period: PERIODS, lang: ["ja", "en"], theme: ["light", "dark"], archived: ["1"] };
  for (const [name, value] of given) {
    if (FILTERS.includes(name) ? /^\d+$/.test(value) && Number(value) < NAMES[name]().length
      : name === "only" ? `only_${value.split(".")[0]}` in WORDS : fixed[name]?.includes(value))
      chosen[name] = value;
  }
  wire();
  await redraw();
}
start();
