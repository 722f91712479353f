// Tables that are sorted by their heads, with some rows at first.
const ROWS_FIRST = 15, ROWS_MOST = 1000;
const sorting = new Map();

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null && value !== false) made.setAttribute(name, value === true ? "" : value);
  made.append(...children.filter(child => child != null));
  return made;
}

/** A link to an issue in Backlog. */
function issueLink(table, at) {
  const href = linkOf(table, at);
  return href ? make("a", { href, target: "_blank", rel: "noopener noreferrer" }, keyOf(table, at)) : keyOf(table, at);
}

/**
 * Show rows in a table.
 * Columns: `head` (words), `of` (row: what is sorted by), `cell` (row: what is shown, else `of`), `kind`: "n" for numbers, "long" for texts.
 */
function table(place, name, columns, rows, { first = ROWS_FIRST, foot = null } = {}) {
  const order = sorting.get(place.id) || {};
  const sorted = order.column == null || !columns[order.column] ? rows : [...rows].sort((x, y) => {
    const of = columns[order.column].of, left = of(x), right = of(y);
    if (left == null || right == null) return (left == null) - (right == null);
    return (typeof left === "string" ? left.localeCompare(right, chosen.lang) : left - right) * (order.down ? -1 : 1);
  });
  const most = order.all ? ROWS_MOST : first;
  const heads = columns.map((column, at) => {
    const button = make("button", { type: "button" }, column.head);
    button.addEventListener("click", () => {
      const now = sorting.get(place.id) || {};
      sorting.set(place.id, { ...now, column: at, down: now.column === at ? !now.down : column.kind === "n" });
      table(place, name, columns, rows, { first, foot });
      place.querySelectorAll("thead button")[at].focus();
    });
    const sortedNow = order.column === at ? (order.down ? "descending" : "ascending") : "none";
    return make("th", { scope: "col", class: column.kind, "aria-sort": sortedNow }, button);
  });
  const cell = (column, row) => {
    const shown = column.cell ? column.cell(row) : column.of(row);
    return make("td", { class: column.kind }, shown == null || shown === "" ? "–" : shown);
  };
  const made = make("table", {}, make("caption", {}, name), make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...sorted.slice(0, most).map(row => make("tr", {}, ...columns.map(column => cell(column, row))))));
  if (foot) made.append(make("tfoot", {}, make("tr", {}, ...foot.map((one, at) => make("td", { class: columns[at].kind }, one)))));
  const more = [];
  if (rows.length > most || (order.all && rows.length > first)) {
    const button = make("button", { type: "button", class: "more" }, order.all ? word("show_less") : fill("show_all", { n: number(rows.length) }));
    button.addEventListener("click", () => {
      sorting.set(place.id, { ...order, all: !order.all });
      table(place, name, columns, rows, { first, foot });
      place.querySelector("button.more")?.focus();
    });
    more.push(button);
    if (rows.length > ROWS_MOST && order.all) more.push(make("span", { class: "quiet" }, ` ${fill("first_of", { n: number(ROWS_MOST), all: number(rows.length) })}`));
  }
  const wide = make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": name }, made);
  place.replaceChildren(...(rows.length ? [wide, ...more] : [make("p", { class: "none" }, word("no_data"))]));
}
