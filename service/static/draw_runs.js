// Draws runs: those that were started here, those that work, and the timeline with the tables of
// each.

import { at, button, drawTable, joined, link, make, text, when } from './draw.js';
import {
  current, due, duration, exact, named, number, say, sayCause, sayError, sayStart, sayText, some,
  tell,
} from './say.js';

const LOOKS = { completed: 'good', failed: 'bad', canceled: 'warn', refused: 'bad' };
/** Refusals that are no failure. */
const MILD = ['already_running', 'already_ended'];

/** Show the runs that were started or canceled here, how far each is, and how it ended. */
export function drawStarts(place, starts, close) {
  place.replaceChildren(...starts.map((start) => {
    const { job, project, mode, state, error, status_url } = start;
    const name = named(['jobs', 'types'], job ?? 'run');
    const what = [name, project].filter(Boolean).join(' ')
      + (mode ? say('inMode', { mode: named('modes', mode) }) : '');
    const said = state === 'refused' ? sayError(error) : sayStart(state) + outcome(start);
    const looks = MILD.includes(error?.code) ? 'warn' : LOOKS[state] ?? '';
    const closing = button('×', {}, say('close'));
    closing.addEventListener('click', () => close(start));
    return make('p', { className: `news ${looks}`, role: 'status' },
      make('span', {}, make('strong', { textContent: what }), ` ${said} `,
        ...(status_url ? [link(status_url, say('openRun'))] : [])), closing);
  }));
}

function outcome({ state, run_error, run_cause, seconds, items_synced, requests }) {
  if (state === 'failed') return ` ${sayCause(run_error, run_cause)}`;
  if (state !== 'completed' && state !== 'canceled') return '';
  return ` ${say('outcome', {
    items: number(items_synced ?? 0), requests: number(requests ?? 0),
    time: duration(seconds ?? null),
  })}`;
}

/** Show what works; a run that an unreachable Dagster knows is not seen. */
export function drawActive(card, { active }) {
  card.hidden = !active.length;
  for (const run_id of logs.keys()) {
    if (!active.some((run) => run.run_id === run_id)) logs.delete(run_id);
  }
  card.lastElementChild.replaceChildren(...active.map(drawRun));
}

/** The logs of runs at work, by run: one that is open stays open, however often it is drawn. */
const logs = new Map();

function logOf(run_id) {
  if (!logs.has(run_id)) {
    logs.set(run_id, make('details', { dataset: { log: run_id } },
      make('summary', { dataset: { focus: `log-${run_id}` } }), lines()));
  }
  const log = logs.get(run_id);
  log.firstChild.textContent = say('log');
  return log;
}

const lines = () => make('div', {
  className: 'lines', lang: 'en', tabIndex: 0, role: 'group', ariaLabel: say('log'),
});

/** Add lines to those of a log that are shown; the last ones stay. */
export function drawLines(place, found, most) {
  if (found.length) place.querySelector('.note')?.remove();
  place.append(...found.map(({ at: instant, level, text: said }) => make('p', {
    className: level.toLowerCase(),
  }, at(instant), ` ${said}`)));
  while (place.children.length > most) place.firstChild.remove();
  if (!place.children.length) drawNote(place, say('noLog'));
  place.scrollTop = place.scrollHeight;
}

/** Say something in place of the lines of a log. */
export function drawNote(place, textContent) {
  place.replaceChildren(make('p', { className: 'note', lang: current(), textContent }));
}

function drawRun({ run_id, job, state, started_at, status_url, syncs }) {
  const title = job ? named('jobs', job)
    : syncs.map((sync) => named('types', sync.type)).join(', ');
  const head = make('p', { className: 'row' }, make('span', {},
    make('strong', { textContent: title }), ' ',
    make('span', { className: 'soft' }, ...joined(
      say(state), tell('begun', { time: when(started_at) }))), ' ',
    link(status_url, say('openRun'))));
  // A load at a command line is ended there.
  if (job && state !== 'canceling') {
    const what = { run: run_id, job, url: status_url, focus: `cancel-${run_id}` };
    head.append(button(say('cancel'), what, say('cancelRun', { title })));
  }
  return make('div', { className: 'run' }, head, ...syncs.map(drawSync), logOf(run_id));
}

function drawSync({ type, mode, project, progress, waiting_for, waiting_until }) {
  const kind = `(${named('modes', mode)})`;
  const name = [named('types', type), project, kind].filter(Boolean).join(' ');
  const bar = make('progress', { ariaLabel: name });
  const said = [];
  if (waiting_for) {
    said.push(say('waiting', { what: sayText(waiting_for) }));
    if (waiting_until) said.push(say('until', { time: due(waiting_until) }));
  } else if (progress) {
    const { done, total, seconds_left } = progress;
    const unit = say(progress.unit === 'issues' ? 'issuesUnit' : 'rows');
    const values = { done: number(done), total: number(total ?? 0), unit };
    said.push(say(total ? 'ofTotal' : 'soFar', values));
    if (seconds_left !== null) said.push(say('timeLeft', { time: duration(seconds_left) }));
  }
  if (progress?.total) {
    Object.assign(bar, { max: progress.total, value: Math.min(progress.done, progress.total) });
  }
  return make('div', { className: 'sync' }, text(name), bar, text(said.join(' · '), 'soft'));
}

/** What was drawn, by id: what has not changed stays, and with it what is open in it. */
const drawn = new Map();

function kept(id, values, drawing) {
  const written = current() + JSON.stringify(values);
  const before = drawn.get(id);
  if (before?.written === written) return before.line;
  const focused = before?.line.contains(document.activeElement);
  const line = drawing(values, before?.line.firstChild.open ?? false);
  drawn.set(id, { written, line });
  if (focused) requestAnimationFrame(() => line.querySelector('summary').focus());
  return line;
}

/** List runs, newest first, small ones that went well together; each opens to its tables. */
export function drawRuns(place, { items, filtered }) {
  const folds = filtered ? items.map((run) => ({ runs: [run] })) : folded(items);
  const shown = folds.map(({ when: hour, runs }, i) => (runs.length === 1
    ? kept(runs[0].run_id, runs[0], drawLogged)
    : kept(`${hour} ${folds.slice(0, i).filter((one) => one.when === hour).length}`,
      { hour, runs }, drawFold)));
  const ids = new Set(items.map(({ run_id }) => run_id));
  for (const [id, { line }] of drawn) {
    if (!ids.has(id) && !shown.includes(line)) drawn.delete(id);
  }
  // Only lines that moved or changed are touched: one that is put in again loses the keyboard.
  for (const line of [...place.children]) if (!shown.includes(line)) line.remove();
  shown.forEach((line, i) => {
    if (place.children[i] !== line) place.insertBefore(line, place.children[i] ?? null);
  });
  const none = place.nextElementSibling;
  Object.assign(none, {
    textContent: say(filtered ? 'noMatch' : 'noHistory'), hidden: shown.length > 0,
  });
}

/** What runs by itself every few minutes. */
const SMALL = ['targeted_sync', 'marts'];
const HOUR = 3_600_000;

/** Put neighbours that are small and went well together: those of the last hour, and others. */
function folded(items) {
  const folds = [];
  for (const run of items) {
    const small = SMALL.includes(run.kind) && run.state === 'completed';
    const hour = small && (Date.now() - new Date(run.started_at) < HOUR ? 'lastHour' : 'earlier');
    const before = folds.at(-1);
    if (small && before?.when === hour) before.runs.push(run);
    else folds.push({ when: hour, runs: [run] });
  }
  return folds;
}

const cell = (key, textContent, looks = '') => text(textContent, `${key} ${looks}`.trim());
const kindOf = ({ kind }) => named(['jobs', 'types'], kind);

function drawFold({ hour, runs }, open) {
  const sum = (name) => runs.reduce((all, run) => all + run[name], 0);
  const kinds = [...new Set(runs.map(kindOf))].join(', ');
  const summary = make('summary', {},
    make('span', { className: 'when' }, when(runs[0].started_at)),
    cell('what', kinds), cell('where', say(hour, { count: number(runs.length) })),
    cell('result', ''), ...figures(sum('seconds'), sum('items_synced'), sum('requests')));
  const inside = make('ol', { className: 'runs' },
    ...runs.map((run) => kept(run.run_id, run, drawLogged)));
  return make('li', { className: 'fold' }, make('details', { open }, summary, inside));
}

const figures = (seconds, items, requests) => [
  cell('number', seconds ? duration(seconds) : ''),
  cell('number', items ? say('itemCount', { count: number(items) }) : ''),
  cell('number', requests ? say('requestCount', { count: number(requests) }) : ''),
];

function drawLogged(run, open) {
  const { state, started_at, seconds, projects, error, cause, run_id, status_url, syncs } = run;
  const looks = { completed: 'soft', failed: 'failed', canceled: 'warn' }[state];
  const summary = make('summary', {},
    make('span', { className: 'when' }, when(started_at)), cell('what', kindOf(run)),
    cell('where', projects.join(', ')), cell('result', say(state), looks),
    ...figures(seconds, run.items_synced, run.requests),
    ...(error ? [cell('error', sayCause(error, cause))] : []));
  const table = make('table', { className: 'cards' });
  const columns = [
    ['type', ''], ['project', ''], ['mode', ''], ['status', ''], ['seconds', 'number'],
    ['items', 'number'], ['requests', 'number'], ['error', 'error'],
  ];
  drawTable(table, columns, syncs.map((sync) => [
    make('span', { title: exact(sync.started_at) }, named(['types', 'jobs'], sync.type)),
    sync.project ?? say('space'), named('modes', sync.mode), text(say(sync.status), sync.status),
    duration(sync.seconds), some(sync.items_synced), some(sync.requests),
    sync.error ? sayCause(sync.error, sync.cause) : '',
  ]));
  const id = run_id.slice(0, 8);
  const wide = make('div', {
    className: 'wide', tabIndex: 0, role: 'group', ariaLabel: say('tablesOf', { run: id }),
  }, table);
  return make('li', {}, make('details', { open, dataset: { log: run_id } }, summary, wide, lines(),
    make('p', {}, link(status_url, `${say('openRun')} ${id}`))));
}
