// The data of the page, what is chosen of it, and the words of the chosen language.
let DATA = null;
const MS = 86400000, STAGES = ["done", "review", "active", "waiting"];
/** What cuts everything; `status` and `milestone` cut what is counted from issues. */
const FILTERS = ["project", "team", "person", "type", "status", "milestone"];
/** `only` says which issues are listed, see `issues`. */
const NOTHING = Object.fromEntries([...FILTERS, "only", "archived"].map(name => [name, ""]));
const chosen = { ...NOTHING, period: "26", lang: "ja", theme: "" };

/** Return the data of the page: columns of a table become rows. */
async function unpack(letters) {
  const bytes = Uint8Array.from(atob(letters), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = await new Response(stream).json();
  for (const [name, columns] of Object.entries(data.tables)) {
    const names = Object.keys(columns);
    // Some columns are of open issues only, which come first, but not the first one.
    data[name] = columns[names[0]].map((_, at) => {
      const row = {};
      for (const one of names) row[one] = columns[one][at];
      return row;
    });
  }
  return data;
}

const word = name => WORDS[name] ? WORDS[name][chosen.lang === "ja" ? 0 : 1] : name;
const fill = (name, values) => word(name).replace(/\{(\w+)\}/g, (_, key) =>
  typeof values[key] === "number" ? number(values[key], values[key] < 10 ? 2 : 0) : values[key]);
/** A part of a spec with the words, or the colours, that it names. */
function named(part, find = word) {
  if (typeof part === "string") return part.replace(/@([a-z_]+)/g, (_, name) => find(name));
  if (Array.isArray(part)) return part.map(one => named(one, find));
  if (!part || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([key, one]) => [key, named(one, find)]));
}

const number = (value, digits = 0) => value == null ? "–"
  : value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
const percent = value => value == null ? "–" : `${number(100 * value)} %`;
const ratio = value => value == null ? "–" : value.toFixed(2);
const iso = day => day == null ? "–" : new Date(day * MS).toISOString().slice(0, 10);
/** A day without its year, where that is the one of today. */
const shortDay = day => iso(day).slice(iso(day).startsWith(iso(DATA.today).slice(0, 4)) ? 5 : 0);
const month = day => iso(day).slice(0, 7);
const monday = day => day - (day + 3) % 7;
const stamp = day => day == null ? null : day * MS;
const span = minutes => {
  if (minutes == null) return "–";
  if (minutes < 60) return `${number(minutes)} ${word("min")}`;
  if (minutes < 1440) return `${number(minutes / 60, 1)} ${word("h")}`;
  return `${number(minutes / 1440, minutes < 144000 ? 1 : 0)} ${word("d")}`;
};

/** What can be chosen, by the filter that it is for, in the order of their numbers. */
const NAMES = {
  project: () => DATA.projects.map(one => `${one.key} ${one.name}`),
  team: () => DATA.teams.map(team => team.name ?? word("no_team")),
  person: () => DATA.people.map((name, at) => at ? name : word("nobody")),
  type: () => DATA.types.map(type => type || "–"),
  status: () => DATA.statuses.map(status => status.name),
  milestone: () => DATA.milestones.map(one => `${DATA.projects[one.p].key} ${one.name}`),
};

/** First day of the chosen period; 0 for all time. */
const since = () => chosen.period === "all" ? 0 : DATA.today - 7 * Number(chosen.period) + 1;

/** Return the chosen rows of a table, by all that the table knows. */
function rowsOf(table) {
  const [project, team, person, type, status, stone] = FILTERS.map(name =>
    chosen[name] === "" ? null : Number(chosen[name]));
  const members = team === null ? null : new Set(DATA.teams[team].people);
  const is = (value, wished) => wished === null || value === undefined || value === wished;
  return table.filter(row => is(row.p, project) && is(row.a, person) && is(row.t, type)
    && is(row.s, status) && (!members || row.a === undefined || members.has(row.a))
    && (stone === null || row.m === undefined || [row.m].flat().includes(stone)));
}

/** Whether a project, or a milestone of it, is shown: archived ones are when they are asked for. */
const isShown = row => chosen.archived !== "" || !(row.archived || DATA.projects[row.p].archived);
const sum = (rows, name) => rows.reduce((all, row) => all + (row[name] || 0), 0);
const largest = name => (x, y) => y[name] - x[name];
const where = (rows, name) => rows.filter(row => row[name]);
const sorted = (found, how = (x, y) => x[0] - y[0]) => [...found].sort(how);
/** Values below which these shares of all lie, by interpolation. */
function quantiles(rows, shares, of) {
  const all = rows.map(of).filter(one => one != null).sort((x, y) => x - y), last = all.length - 1;
  const at = (place, part) => all[place] + part * ((all[place + 1] ?? 0) - all[place]);
  return shares.map(share => last < 0 ? null : at(Math.floor(last * share), (last * share) % 1));
}
function groups(rows, keyOf) {
  const found = new Map();
  for (const row of rows) {
    const key = typeof keyOf === "string" ? row[keyOf] : keyOf(row);
    if (found.has(key)) found.get(key).push(row); else found.set(key, [row]);
  }
  return found;
}
