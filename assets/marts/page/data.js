// The data of the page, what is chosen of it, and the words of the chosen language.
let DATA = null;
const MS = 86400000;
const STAGES = ["done", "review", "active", "waiting"];
const chosen = { project: "", team: "", person: "", type: "", period: "26", archived: "", lang: "ja", theme: "" };

async function unpack(letters) {
  const bytes = Uint8Array.from(atob(letters), letter => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

const word = name => WORDS[name] ? WORDS[name][chosen.lang === "ja" ? 0 : 1] : name;
const fill = (name, values) => word(name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
/** A spec, or a part of one, in the chosen language. */
function inLanguage(part) {
  if (typeof part === "string") return part.replace(/@([a-z_]+)/g, (_, name) => word(name));
  if (Array.isArray(part)) return part.map(inLanguage);
  if (part && typeof part === "object") return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, inLanguage(value)]));
  return part;
}

const number = (value, digits = 0) => value == null ? "–"
  : value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
const iso = day => day == null ? "–" : new Date(day * MS).toISOString().slice(0, 10);
const shortDay = day => iso(day).slice(5);
const month = day => iso(day).slice(0, 7);
const monday = day => day - (day + 3) % 7;
const span = minutes => {
  if (minutes == null) return "–";
  if (minutes < 60) return `${number(minutes)} ${word("min")}`;
  if (minutes < 1440) return `${number(minutes / 60, 1)} ${word("h")}`;
  return `${number(minutes / 1440, minutes < 144000 ? 1 : 0)} ${word("d")}`;
};
const hoursOld = hours => span(hours == null ? null : 60 * Math.max(0, hours));
const personOf = at => at === 0 ? word("nobody") : DATA.people[at];
const typeOf = at => DATA.types[at] || "–";
const keyOf = (table, at) => `${DATA.projects[table.p[at]].key}-${table.n[at]}`;
const linkOf = (table, at) => {
  const root = DATA.projects[table.p[at]].url;
  return root ? `${root}/view/${encodeURIComponent(keyOf(table, at))}` : null;
};

/** First day of the chosen period; 0 for all time. */
function since() {
  return chosen.period === "all" ? 0 : DATA.today - 7 * Number(chosen.period) + 1;
}

/** Return a function that says whether a row of a table is of the chosen project, type, team and person. */
function filter(table) {
  const project = chosen.project === "" ? null : Number(chosen.project);
  const type = chosen.type === "" ? null : Number(chosen.type);
  const person = chosen.person === "" ? null : Number(chosen.person);
  const team = chosen.team === "" ? null : new Set(DATA.teams[Number(chosen.team)].people);
  const { p, t, a } = table;
  return at => (project === null || p[at] === project) && (type === null || t[at] === type)
    && (person === null || a[at] === person) && (team === null || team.has(a[at]));
}

/** Places of the chosen rows of a table. */
function rowsOf(table, more = () => true) {
  const found = [], fits = filter(table);
  for (let at = 0; at < table.p.length; at++) if (fits(at) && more(at)) found.push(at);
  return found;
}

const inProject = at => chosen.project === "" || at === Number(chosen.project);
const sum = values => values.reduce((all, one) => all + (one || 0), 0);
const quantile = (sorted, share) => {
  if (!sorted.length) return null;
  const at = (sorted.length - 1) * share, low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
};
function groups(places, keyOfRow) {
  const found = new Map();
  for (const at of places) {
    const key = keyOfRow(at);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(at);
  }
  return found;
}
