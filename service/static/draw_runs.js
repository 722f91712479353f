// Draws runs: those that were started here, those that work, and the history with the tables of each.

import { drawTable, link, make } from './draw.js';
import { clock, current, duration, moment, named, number, say, sayCause, sayError, sayStart, sayText } from './say.js';

const LOOKS = { completed: 'good', failed: 'bad', canceled: 'warn', refused: 'bad' };

/** Show the runs that were started or canceled here, how far each is, what it did in the end, and why one was refused or has failed. */
export function drawStarts(place, starts, close) {
  place.replaceChildren(...starts.map((start) => {
    const { job, project, mode, state, error, run_error, status_url, seconds, items_synced, requests } = start;
    const what = `${named(['jobs', 'types'], job ?? 'run')} ${project ?? ''}`.trim() + (mode ? say('inMode', { mode: named('modes', mode) }) : '');
    const done = ` ${say('outcome', { items: number(items_synced ?? 0), requests: number(requests ?? 0), time: duration(seconds ?? null) })}`;
    const why = state === 'failed' ? ` ${sayCause(run_error)}` : state === 'completed' || state === 'canceled' ? done : '';
    const said = state === 'refused' ? sayError(error) : sayStart(state) + why;
    const look = error?.code === 'already_running' || error?.code === 'already_ended' ? 'warn' : LOOKS[state] ?? '';
    const parts = [make('strong', { textContent: what }), ` ${said} `];
    if (status_url) parts.push(link(status_url, say('openRun')));
    const button = make('button', { type: 'button', className: 'close', textContent: '×', ariaLabel: say('close') });
    button.addEventListener('click', () => close(start));
    return make('p', { className: `news ${look}`, role: 'status' }, make('span', {}, ...parts), button);
  }));
}

export function drawActive(place, { active, dagster }) {
  const lines = active.map(drawRun);
  if (!lines.length) lines.push(make('p', { className: 'soft', textContent: say('nothing') }));
  if (!dagster.reachable) lines.push(make('p', { className: 'soft', textContent: say('noDagster', { error: dagster.error }) }));
  place.replaceChildren(...lines);
}

function drawRun({ run_id, job, state, started_at, status_url, syncs }) {
  const title = job ? named('jobs', job) : syncs.map((sync) => named('types', sync.type)).join(', ');
  const state_text = ` ${say(state)} · ${say('since', { time: clock(started_at) })} · `;
  const head = make('p', { className: 'row' }, make('span', {}, make('strong', { textContent: title }),
    make('span', { className: 'state', textContent: state_text }), link(status_url, say('openRun'))));
  // A load at a command line is ended there.
  if (job && state !== 'canceling') {
    head.append(make('button', { type: 'button', className: 'quiet small', textContent: say('cancel'), ariaLabel: say('cancelRun', { title }),
      dataset: { run: run_id, job, url: status_url, focus: `cancel-${run_id}` } }));
  }
  return make('div', { className: 'run' }, head, ...syncs.map(drawSync));
}

function drawSync({ type, mode, project, progress, waiting_for, waiting_until }) {
  const name = `${named('types', type)} ${project ?? ''} (${named('modes', mode)})`;
  const bar = make('progress', { ariaLabel: name });
  let text = '';
  if (progress) {
    const unit = say(progress.unit === 'issues' ? 'issuesUnit' : 'rows');
    text = say(progress.total ? 'ofTotal' : 'soFar', { done: number(progress.done), total: number(progress.total ?? 0), unit });
    if (progress.total) Object.assign(bar, { max: progress.total, value: Math.min(progress.done, progress.total) });
    if (progress.seconds_left !== null) text += ` · ${say('left_time', { time: duration(progress.seconds_left) })}`;
  }
  if (waiting_for) {
    text = say('waiting', { what: sayText(waiting_for) }) + (waiting_until ? ` ${say('until', { time: clock(waiting_until) })}` : '');
  }
  return make('div', { className: 'sync' }, make('span', { textContent: name }), bar, make('span', { className: 'soft', textContent: text }));
}

/** The runs of the history as they were drawn, by id: what has not changed stays, and with it what is open and where the keyboard is. */
const drawn = new Map();

/** List runs, newest first; each opens to show its tables. */
export function drawHistory(place, { items, filtered }) {
  const lines = items.map((run) => {
    const text = current() + JSON.stringify(run);
    const before = drawn.get(run.run_id);
    if (before?.text === text) return before.line;
    const focused = before?.line.contains(document.activeElement);
    const line = drawLogged(run, before?.line.firstChild.open ?? false);
    drawn.set(run.run_id, { text, line });
    if (focused) requestAnimationFrame(() => line.querySelector('summary').focus());
    return line;
  });
  for (const run_id of drawn.keys()) if (!items.some((run) => run.run_id === run_id)) drawn.delete(run_id);
  // Only lines that moved or changed are touched: an element that is put in again loses the keyboard.
  for (const line of [...place.children]) if (!lines.includes(line)) line.remove();
  lines.forEach((line, i) => { if (place.children[i] !== line) place.insertBefore(line, place.children[i] ?? null); });
  const none = place.nextElementSibling;
  Object.assign(none, { textContent: say(filtered ? 'noMatch' : 'noHistory'), hidden: lines.length > 0 });
}

function drawLogged(run, open) {
  const { kind, state, started_at, seconds, projects, items_synced, requests, error, run_id, status_url, syncs } = run;
  const cell = (key, textContent, look = '') => make('span', { className: `${key} ${look}`.trim(), textContent });
  const summary = make('summary', {},
    cell('when', moment(started_at)), cell('what', named(['jobs', 'types'], kind)), cell('where', projects.join(', ') || say('space')),
    cell('result', say(state), { completed: 'completed', failed: 'failed', canceled: 'warn' }[state]),
    cell('number', duration(seconds)), cell('number', say('itemCount', { count: number(items_synced) })),
    cell('number', say('requestCount', { count: number(requests) })), ...(error ? [cell('error', sayCause(error))] : []));
  const table = make('table', { className: 'cards' });
  const columns = [['time', ''], ['type', ''], ['project', ''], ['mode', ''], ['status', ''], ['seconds', 'number'], ['items', 'number'],
    ['requests', 'number'], ['error', 'error']];
  drawTable(table, columns, syncs.map((sync) => [
    clock(sync.started_at), named(['types', 'jobs'], sync.type), sync.project ?? say('space'), named('modes', sync.mode),
    [say(sync.status), sync.status], duration(sync.seconds), number(sync.items_synced), number(sync.requests), sync.error ? sayCause(sync.error) : '',
  ]));
  const wide = make('div', { className: 'wide', tabIndex: 0, role: 'group', ariaLabel: say('tablesOf', { run: run_id.slice(0, 8) }) }, table);
  return make('li', {}, make('details', { open }, summary, wide, make('p', {}, link(status_url, `${say('openRun')} ${run_id.slice(0, 8)}`))));
}
