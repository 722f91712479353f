// Draws what the API says. Every function takes an element and values, and makes no request.

import { clock, current, duration, lately, moment, named, number, percent, say, sayCondition, sayError, sayStart } from './say.js';

export const find = (id) => document.getElementById(id);

const last = {};

/** Draw only what is new: who reads or selects something is not disturbed. */
export function draw(id, value, drawing) {
  const text = current() + JSON.stringify(value);
  if (last[id] === text) return;
  last[id] = text;
  drawing(find(id), value);
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const link = (url, text) => make('a', { href: url, textContent: text, rel: 'noreferrer' });

export function drawWords() {
  document.documentElement.lang = current();
  document.title = say('title');
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(element.dataset.say);
  find('language').textContent = say('language');
  find('language').lang = current() === 'ja' ? 'en' : 'ja';
}

export function drawTrouble(place, error) {
  Object.assign(place, { textContent: error ? sayError(error) : '', hidden: !error });
}

/** Say in words whether Backlog answers, and if not since when and why. */
export function drawBadge(badge, { connected, condition, error, space, simulated, failing }) {
  const values = { space: (space ?? 'Backlog') + (simulated ? say('simulated') : '') };
  const parts = [];
  if (condition) parts.push(sayCondition(condition.kind, values), say('from', { time: lately(condition.since) }), condition.message);
  else if (connected === false) parts.push(say('disconnected'), error);
  else parts.push(say(connected ? 'connected' : 'unknown', values), connected ? '' : error);
  if (failing.length) parts.push(say('failing', { count: failing.length }));
  const bad = connected === false || failing.length;
  badge.className = `badge ${bad ? 'bad' : condition ? 'warn' : connected ? 'good' : ''}`;
  badge.textContent = parts.filter(Boolean).join(' · ');
}

/** List what fails, one line for the syncs of a run with the same cause, and the open alerts that say something else. */
export function drawAttention(card, { failing, alerts }) {
  const causes = new Map();
  for (const sync of failing) {
    const key = `${sync.run_id} ${sync.error}`;
    causes.set(key, [...causes.get(key) ?? [], sync]);
  }
  const syncs = [...causes.values()].map((same) => {
    const [{ ended_at, started_at, error, status_url }] = same;
    const names = same.map(({ type, project }) => `${named(['types', 'jobs'], type)} ${project ?? ''}`.trim()).join(', ');
    return make('li', {}, make('strong', { textContent: names }),
      ` ${say('failed')} · ${lately(ended_at ?? started_at)} · ${error ?? say('noCause')} `, link(status_url, say('openRun')));
  });
  const others = alerts.open.filter((alert) => !failing.some(({ error }) => error && alert.endsWith(error)));
  const lines = [...syncs, ...others.map((text) => make('li', { textContent: text }))];
  if (alerts.alive === false) lines.push(make('li', { textContent: say('silent', { time: lately(alerts.beat_at) }) }));
  card.hidden = !lines.length;
  card.querySelector('ul').replaceChildren(...lines);
}

export function drawProjects(select, projects) {
  const chosen = select.value;
  select.replaceChildren(...projects.map(({ key, name }) => make('option', { value: key, textContent: `${key} ${name}` })));
  if (projects.some(({ key }) => key === chosen)) select.value = chosen;
  for (const button of document.querySelectorAll('#start-issues button')) button.disabled = !projects.length;
}

const LOOKS = { completed: 'good', failed: 'bad', canceled: 'warn', refused: 'bad' };

/** Show the syncs that were started here, how far each is, and why one was refused or has failed. */
export function drawStarts(place, starts, close) {
  place.replaceChildren(...starts.map((start) => {
    const { job, project, state, error, run_error, status_url } = start;
    const why = state === 'failed' ? ` ${run_error ?? say('noCause')}` : '';
    const said = state === 'refused' ? sayError(error) : sayStart(state) + why;
    const look = error?.code === 'already_running' ? 'warn' : LOOKS[state] ?? '';
    const parts = [make('strong', { textContent: `${named('jobs', job)} ${project ?? ''}`.trim() }), ` ${said} `];
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

function drawRun({ job, state, started_at, status_url, syncs }) {
  const title = job ? named('jobs', job) : syncs.map((sync) => named('types', sync.type)).join(', ');
  const state_text = ` ${say(state)} · ${say('since', { time: clock(started_at) })} · `;
  const head = make('p', {}, make('strong', { textContent: title }), make('span', { className: 'state', textContent: state_text }),
    link(status_url, say('openRun')));
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
  }
  if (waiting_for) {
    text = say('waiting', { what: waiting_for }) + (waiting_until ? ` ${say('until', { time: clock(waiting_until) })}` : '');
  }
  return make('div', { className: 'sync' }, make('span', { textContent: name }), bar, make('span', { className: 'soft', textContent: text }));
}

export function drawStats(place, { total }) {
  const tiles = [
    ['runs', number(total.runs)],
    ['successRate', total.success_rate === null ? '–' : percent(total.success_rate)],
    ['failed', number(total.failed), total.failed ? 'failed' : ''],
    ['mean', duration(total.mean_seconds)],
    ['items', number(total.items)],
    ['requests', number(total.requests)],
  ];
  place.replaceChildren(...tiles.map(([key, value, look]) => make('div', {}, make('dt', { textContent: say(key) }),
    make('dd', { textContent: value, className: look ?? '' }))));
}

/** Draw a table. Its roles are written out, since a narrow window shows each row as a card. */
function drawTable(table, columns, rows, caption) {
  const head = columns.map(([key, kind]) => make('th', { scope: 'col', role: 'columnheader', className: kind, textContent: say(key) }));
  const body = rows.map((cells) => make('tr', { role: 'row' }, ...cells.map((cell, i) => {
    const [text, more] = Array.isArray(cell) ? cell : [cell, ''];
    const [key, kind] = columns[i];
    const made = make('td', { role: 'cell', className: `${kind} ${more}`.trim() }, text);
    Object.assign(made.dataset, { key, label: say(key) });
    return made;
  })));
  table.role = 'table';
  table.replaceChildren(make('caption', { className: 'soft', textContent: rows.length ? '' : caption }),
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...head)), make('tbody', { role: 'rowgroup' }, ...body));
}

export function drawByType(table, { by_type }) {
  const columns = [['type', ''], ['syncs', 'number'], ['failed', 'number'], ['mean', 'number'], ['longest', 'number'], ['items', 'number'],
    ['requests', 'number']];
  drawTable(table, columns, by_type.map((one) => [
    named(['types', 'jobs'], one.type), number(one.syncs), number(one.syncs_failed), duration(one.mean_seconds), duration(one.longest_seconds),
    number(one.items), number(one.requests),
  ]), say('noneToday'));
}

export function drawHistory(table, { items, filtered }) {
  const columns = [['time', ''], ['type', ''], ['project', ''], ['mode', ''], ['status', ''], ['seconds', 'number'], ['items', 'number'],
    ['requests', 'number'], ['run', ''], ['error', 'error']];
  drawTable(table, columns, items.map((sync) => [
    moment(sync.started_at), named(['types', 'jobs'], sync.type), sync.project ?? say('space'), named('modes', sync.mode),
    [say(sync.status), sync.status], duration(sync.seconds), number(sync.items_synced), number(sync.requests),
    link(sync.status_url, sync.run_id.slice(0, 8)), sync.error ?? '',
  ]), say(filtered ? 'noMatch' : 'noHistory'));
}
