// Charts: a Vega program each, drawn once and given new rows after that. Those on the screen first.
const drawn = new Map(), waiting = new Map();

const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => chosen.theme ? chosen.theme === "dark" : dark.matches;

/** The look of a chart that is so wide. */
function look(wide) {
  const made = named(LOOK, name => LOOKS[isDark() ? "dark" : "light"][name]);
  made.legend.columns = Math.max(2, Math.floor(wide / 130));
  return { ...made, font: getComputedStyle(document.body).fontFamily };
}

/** Ask for a chart in a place to show rows; the newest wish counts. */
function show(place, name, rows) {
  place.closest("figure").classList.toggle("nothing", !rows.length);
  waiting.set(place, { name, rows });
}

async function draw(place) {
  const wish = waiting.get(place);
  waiting.delete(place);
  if (!wish || !wish.rows.length || !place.isConnected) return;
  if (drawn.has(place)) return drawn.get(place).view.data("rows", wish.rows).runAsync();
  const spec = named(SPECS[wish.name]), label = place.getAttribute("aria-label");
  // Rows are known from the beginning, so that axes are laid out once.
  spec.data.find(data => data.name === "rows").values = wish.rows;
  const { view, finalize } = await vegaEmbed(place, spec, {
    mode: "vega", renderer: "svg", actions: false, ast: true, logLevel: 1,
    config: look(place.clientWidth), tooltip: { theme: isDark() ? "dark" : "light" },
    loader: { target: "_blank", rel: "noopener noreferrer" },
  });
  drawn.set(place, { view, finalize });
  // A click on a mark picks what its row is of; the same again, or a click beside it, undoes that.
  let before = null;
  view.addSignalListener("pick", (_, { choice: [now] = [] }) => {
    const picked = now || before;
    before = now;
    if (picked) setTimeout(() => choose(picked));
  });
  // For those who do not see it, a chart is a picture with a label, and the table below it.
  for (const picture of place.querySelectorAll("svg")) picture.setAttribute("aria-hidden", "true");
  place.removeAttribute("aria-roledescription");
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", label);
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
  for (const place of [...waiting.keys()].sort((x, y) => inSight(y) - inSight(x))) {
    if (!inSight(place)) {
      document.body.dataset.insight = String(round);
      await new Promise(resolve => setTimeout(resolve));
    }
    if (round !== drawing) return;
    await draw(place);
  }
  document.body.dataset.insight = String(round);
  if (round === drawing) document.body.dataset.drawing = "no";
}

/** Forget what is drawn in these places, or everywhere: another language or other colours. */
function forgetDrawings(places = [...drawn.keys()]) {
  for (const place of places) {
    drawn.get(place)?.finalize();
    place.replaceChildren();
    drawn.delete(place);
    waiting.delete(place);
  }
}
