// Tables that are sorted by their heads, with some rows at first; each can be taken along as CSV.
const ROWS_FIRST = 15, ROWS_MOST = 1000;
const sorting = new Map();

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value != null && value !== false) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** What filters when it is clicked: `choice` as in `choose`. */
const picker = (choice, said) =>
  make("button", { type: "button", class: "pick", "data-pick": choice }, said);

/** What is shown of a row in a column. */
function shown(column, row) {
  const found = column.cell ? column.cell(row) : column.of(row);
  return found == null || found === "" ? "–" : found;
}

/** A text as a cell of CSV that no spreadsheet takes for a formula, also behind blanks; without NUL. */
function csvText(value) {
  const said = String(value instanceof Node ? value.textContent : value).replace(/\0/g, "");
  const quoted = /^[^\S\t\r]*[=+\-@＝＋－＠\t\r]/.test(said) ? `'${said}` : said;
  return `"${quoted.replace(/"/g, '""')}"`;
}

/** Save rows as CSV, with the mark that spreadsheets know UTF-8 by; numbers stay numbers. */
function save(name, columns, rows) {
  const cell = (column, row) => {
    const value = column.raw ? column.of(row) ?? "" : shown(column, row);
    return column.kind === "n" && /^-?\d+(\.\d+)?$/.test(value) ? value : csvText(value);
  };
  const lines = rows.map(row => columns.map(column => cell(column, row)).join(","));
  const all = [columns.map(column => csvText(column.head)).join(","), ...lines, ""].join("\r\n");
  const href = URL.createObjectURL(new Blob([`\ufeff${all}`], { type: "text/csv" }));
  make("a", { href, download: `${name}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}

/**
 * Show rows. Columns: `head` (words), `of` (row: what is sorted by), `cell` (row: what is shown,
 * else `of`), `kind` ("n": numbers, "long": texts), `pick` (row: what a click on it picks).
 */
function table(place, name, columns, rows, { first = ROWS_FIRST, foot = null } = {}) {
  const order = sorting.get(place.id) || {}, by = columns[order.column];
  const again = (more, focus) => {
    sorting.set(place.id, { ...order, ...more });
    table(place, name, columns, rows, { first, foot });
    place.querySelectorAll(focus)[more.column || 0]?.focus();
  };
  const sorted = !by ? rows : [...rows].sort((x, y) => {
    const left = by.of(x), right = by.of(y);
    if (left == null || right == null) return (left == null) - (right == null);
    const found = typeof left === "string" ? left.localeCompare(right, chosen.lang) : left - right;
    return order.down ? -found : found;
  });
  const most = Math.min(order.all ? ROWS_MOST : first, rows.length);
  const heads = columns.map((column, at) => {
    const down = order.column === at ? !order.down : column.kind === "n";
    const button = make("button", { type: "button" }, column.head);
    button.addEventListener("click", () => again({ column: at, down }, "thead button"));
    const now = order.column === at ? (order.down ? "descending" : "ascending") : "none";
    const said = { scope: "col", class: column.kind, "aria-sort": now, "data-head": column.head };
    return make("th", said, button);
  });
  const cell = (column, row) => {
    const said = shown(column, row), choice = said !== "–" && column.pick?.(row);
    return make("td", { class: column.kind }, choice ? picker(choice, said) : said);
  };
  const body = sorted.slice(0, most).map(row =>
    make("tr", {}, ...columns.map(column => cell(column, row))));
  const head = make("thead", {}, make("tr", {}, ...heads));
  const made = make("table", {}, make("caption", {}, name), head, make("tbody", {}, ...body));
  const sums = (foot || []).map((one, at) => make("td", { class: columns[at].kind }, one));
  if (foot) made.append(make("tfoot", {}, make("tr", {}, ...sums)));
  const below = make("p", { class: "below quiet" });
  if (most < rows.length) below.append(fill("first_of", { n: most, all: rows.length }));
  const all = order.all ? word("show_less") : fill("show_all", { n: rows.length });
  const more = make("button", { type: "button", class: "more" }, all);
  more.addEventListener("click", () => again({ all: !order.all }, "button.more"));
  if (rows.length > first) below.append(more);
  const label = `CSV: ${name}`, none = make("p", { class: "none" }, word("no_data"));
  const take = make("button", { type: "button", class: "csv", "aria-label": label }, "CSV");
  take.addEventListener("click", () => save(name, columns, sorted));
  below.append(take);
  const wide = { class: "wide", tabindex: "0", role: "group", "aria-label": name };
  place.replaceChildren(...(rows.length ? [make("div", wide, made), below] : [none]));
}
