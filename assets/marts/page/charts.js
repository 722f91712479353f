// Charts: a Vega program each, drawn once and given new rows after that. Those on the screen come first.
const LOOKS = {
  light: { ink: "#22272e", quiet: "#565f6b", grid: "#e3e6ea", paper: "#ffffff" },
  dark: { ink: "#e6e9ee", quiet: "#a9b3c0", grid: "#333b46", paper: "#1b2027" },
};
const drawn = new Map();
const waiting = new Map();

const isDark = () => chosen.theme === "dark" || (chosen.theme === "" && matchMedia("(prefers-color-scheme: dark)").matches);

function look() {
  const { ink, quiet, grid } = LOOKS[isDark() ? "dark" : "light"];
  return {
    background: null, font: getComputedStyle(document.body).fontFamily, padding: 2,
    axis: { labelColor: quiet, titleColor: quiet, gridColor: grid, domainColor: quiet, tickColor: quiet, labelFontSize: 11, titleFontWeight: "normal" },
    legend: { orient: "top", labelColor: ink, titleColor: quiet, labelFontSize: 12, direction: "horizontal", offset: 12, labelLimit: 200, columns: Math.max(2, Math.floor(innerWidth / 190)) },
    text: { fill: ink }, style: { text: { fill: ink }, cell: { stroke: null } }, title: { color: ink },
  };
}

/** Ask for a chart in a place to show rows; the newest wish counts. */
function show(place, name, rows, { marks = [], signals = {} } = {}) {
  place.closest("figure").classList.toggle("nothing", !rows.length);
  waiting.set(place, { name, rows, marks, signals });
}

async function draw(place) {
  const wish = waiting.get(place);
  waiting.delete(place);
  if (!wish || !wish.rows.length || !place.isConnected) return;
  if (!drawn.has(place)) {
    const spec = inLanguage(SPECS[wish.name]), label = place.getAttribute("aria-label");
    // Rows are known from the beginning, so that axes are laid out once.
    for (const data of spec.data) if (data.name === "rows") data.values = wish.rows; else if (data.name === "marks") data.values = wish.marks;
    for (const signal of spec.signals || []) if (signal.name in wish.signals) signal.value = wish.signals[signal.name];
    const { view, finalize } = await vegaEmbed(place, spec, {
      mode: "vega", renderer: "svg", actions: false, ast: true, logLevel: 1, config: look(), tooltip: { theme: isDark() ? "dark" : "light" },
    });
    drawn.set(place, { view, finalize });
    // For those who do not see it, a chart is a picture with a label, and the table below it.
    for (const picture of place.querySelectorAll("svg")) picture.setAttribute("aria-hidden", "true");
    place.removeAttribute("aria-roledescription");
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", label);
    return;
  }
  const { view } = drawn.get(place);
  for (const [signal, value] of Object.entries(wish.signals)) view.signal(signal, value);
  const known = new Set(SPECS[wish.name].data.map(data => data.name));
  view.data("rows", wish.rows);
  if (known.has("marks")) view.data("marks", wish.marks);
  await view.runAsync();
}

const inSight = place => {
  const box = place.getBoundingClientRect();
  return box.bottom > -200 && box.top < innerHeight + 200;
};

let drawing = 0;
/** Draw what is asked for: what is on the screen at once, the rest while nothing else happens. */
async function drawAll() {
  const round = ++drawing;
  document.body.dataset.drawing = "yes";
  const wished = [...waiting.keys()].sort((x, y) => inSight(y) - inSight(x));
  const first = wished.filter(inSight);
  for (const place of first) await draw(place);
  document.body.dataset.insight = String(round);
  for (const place of wished.slice(first.length)) {
    await new Promise(resolve => setTimeout(resolve));
    if (round !== drawing) return;
    await draw(place);
  }
  if (round === drawing) document.body.dataset.drawing = "no";
}

/** Forget what is drawn: another language or other colours. */
function forgetDrawings() {
  for (const [place, { finalize }] of drawn) { finalize(); place.replaceChildren(); }
  drawn.clear();
}
function forgetDrawing(place) {
  if (drawn.has(place)) drawn.get(place).finalize();
  drawn.delete(place);
  waiting.delete(place);
}
