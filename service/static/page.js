// The page of the sync service: shows what the API says, and asks before it starts a sync.
// Every two seconds while something runs, every thirty else; an answer that has not changed costs no body (ETag).

import { WORDS } from './words.js';

const API = '/api/v1/sync';
const BUSY = 2000, IDLE = 30000;
const PAGE = 20, MOST = 200;
const find = (id) => document.getElementById(id);

let language = localStorage.getItem('language') ?? (navigator.language.startsWith('ja') ? 'ja' : 'en');
let shown = PAGE;
let timer = 0;
let last = {};

// -- words ----------------------------------------------------------------------------------------------------

function say(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function named(kind, name) {
  return WORDS[language][kind][name] ?? name.replaceAll('_', ' ');
}

const number = (value) => new Intl.NumberFormat(language).format(value);
const percent = (value) => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(value);
const moment = (text) => new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' }).format(new Date(text));
const clock = (text) => new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(new Date(text));

function duration(seconds) {
  if (seconds === null) return '–';
  const [, unit] = [[60, 'second'], [3600, 'minute'], [Infinity, 'hour']].find(([limit]) => seconds < limit);
  const value = seconds / { second: 1, minute: 60, hour: 3600 }[unit];
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value);
}

function translate() {
  document.documentElement.lang = language;
  document.title = say('title');
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(element.dataset.say);
  find('language').textContent = say('language');
  find('language').lang = language === 'ja' ? 'en' : 'ja';
}

// -- asking ---------------------------------------------------------------------------------------------------

class Refusal extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

async function ask(path, options = {}) {
  const token = sessionStorage.getItem('token');
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(API + path, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Refusal(answer.status, body.error);
  return body;
}

// -- drawing --------------------------------------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function link(url, text) {
  return make('a', { href: url, textContent: text, rel: 'noreferrer' });
}

/** Draw only what is new: who reads or selects something is not disturbed. */
function draw(id, value, drawing) {
  const text = language + JSON.stringify(value);
  if (last[id] === text) return false;
  last[id] = text;
  drawing(find(id), value);
  return true;
}

function drawBadge(badge, { connected, error, space, failing }) {
  const state = connected === null ? 'unknown' : connected ? 'connected' : 'disconnected';
  badge.className = `badge ${{ connected: failing.length ? 'bad' : 'good', disconnected: 'bad', unknown: '' }[state]}`;
  badge.textContent = say(state, { space }) + (failing.length ? ` · ${say('failing', { count: failing.length })}` : '');
  badge.title = error ?? '';
}

function drawProjects(select, projects) {
  const chosen = select.value;
  select.replaceChildren(...projects.map(({ key, name }) => make('option', { value: key, textContent: `${key} ${name}` })));
  if (projects.some(({ key }) => key === chosen)) select.value = chosen;
  for (const button of document.querySelectorAll('#start-issues button')) button.disabled = !projects.length;
}

function drawActive(place, { active, dagster }) {
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

function drawStats(place, { total }) {
  const tiles = [
    ['runs', number(total.runs)],
    ['successRate', total.success_rate === null ? '–' : percent(total.success_rate)],
    ['failed', number(total.failed)],
    ['mean', duration(total.mean_seconds)],
    ['items', number(total.items)],
    ['requests', number(total.requests)],
  ];
  place.replaceChildren(...tiles.map(([key, value]) => make('div', {}, make('dt', { textContent: say(key) }), make('dd', { textContent: value }))));
}

function drawTable(table, columns, rows, caption) {
  const head = columns.map(([key, kind]) => make('th', { scope: 'col', className: kind, textContent: say(key) }));
  const body = rows.map((cells) => make('tr', {}, ...cells.map((cell, i) => {
    const [text, more] = Array.isArray(cell) ? cell : [cell, ''];
    return make('td', { className: `${columns[i][1]} ${more}`.trim() }, text);
  })));
  table.replaceChildren(make('caption', { className: 'soft', textContent: rows.length ? '' : caption }),
    make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...body));
}

function drawByType(table, { by_type }) {
  const columns = [['type', ''], ['syncs', 'number'], ['failed', 'number'], ['mean', 'number'], ['longest', 'number'], ['items', 'number'],
    ['requests', 'number']];
  drawTable(table, columns, by_type.map((one) => [
    named('types', one.type), number(one.syncs), number(one.failed), duration(one.mean_seconds), duration(one.longest_seconds),
    number(one.items), number(one.requests),
  ]), say('noHistory'));
}

function drawHistory(table, { items }) {
  const columns = [['time', ''], ['type', ''], ['project', ''], ['mode', ''], ['status', ''], ['seconds', 'number'], ['items', 'number'],
    ['requests', 'number'], ['run', ''], ['error', 'error']];
  drawTable(table, columns, items.map((sync) => [
    moment(sync.started_at), named('types', sync.type), sync.project ?? say('space'), named('modes', sync.mode), [say(sync.status), sync.status],
    duration(sync.seconds), number(sync.items_synced), number(sync.requests), link(sync.status_url, sync.run_id.slice(0, 8)), sync.error ?? '',
  ]), say('noHistory'));
}

// -- going on -------------------------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  let busy = false;
  try {
    const active = await ask('/monitor/active');
    busy = active.active.length > 0;
    show('desk');
    draw('active', active, drawActive);
    await refreshRest();
    trouble('');
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) {
      askForToken();
      return;
    }
    trouble(error instanceof Refusal ? `${error.message} ${error.error.hint}` : say('unreachable'));
  }
  if (!document.hidden) timer = setTimeout(refresh, busy || !find('trouble').hidden ? BUSY : IDLE);
}

async function refreshRest() {
  const failed = find('failed-only').checked ? '&status=failed' : '';
  const [connection, stats, history] = await Promise.all([
    ask('/connection/status'), ask('/monitor/stats'), ask(`/history?limit=${shown}${failed}`),
  ]);
  draw('badge', connection, drawBadge);
  draw('project', connection.projects, drawProjects);
  draw('stats', stats, drawStats);
  draw('by-type', stats, drawByType);
  draw('history', history, drawHistory);
  Object.assign(find('dagster'), { href: connection.dagster_url, hidden: false });
  find('more').hidden = history.next_before === null || shown >= MOST;
}

function trouble(text) {
  Object.assign(find('trouble'), { textContent: text, hidden: !text });
}

function show(id) {
  for (const name of ['sign-in', 'desk']) find(name).hidden = name !== id;
  find('sign-out').hidden = id !== 'desk' || !sessionStorage.getItem('token');
}

function askForToken() {
  trouble(sessionStorage.getItem('token') ? say('badToken') : '');
  sessionStorage.removeItem('token');
  show('sign-in');
  find('token').focus();
}

// -- starting -------------------------------------------------------------------------------------------------

function confirmed(text) {
  const dialog = find('confirm');
  find('confirm-text').textContent = text;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

async function start(question, path, options) {
  if (!await confirmed(question)) return;
  try {
    const started = await ask(path, { method: 'POST', ...options });
    news(say('started'), started.status_url);
  } catch (error) {
    if (error instanceof Refusal && error.status === 409) news(say('already'), error.error.status_url);
    else if (error instanceof Refusal) news(`${error.message} ${error.error.hint}`);
    else news(say('unreachable'));
  }
  refresh();
}

function news(text, url) {
  find('news').replaceChildren(text, ...(url ? [' ', link(url, say('openRun'))] : []));
  find('news').hidden = false;
}

find('start-projects').addEventListener('click', () => start(say('confirmProjects'), '/projects/all'));
find('start-issues').addEventListener('submit', (event) => {
  event.preventDefault();
  const project = find('project').value, full = find('full').checked;
  start(say(full ? 'confirmFull' : 'confirmIssues', { project }), `/project/${encodeURIComponent(project)}/tasks`, {
    headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ full }),
  });
});
find('sign-in').querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', find('token').value);
  find('token').value = '';
  refresh();
});
find('sign-out').addEventListener('click', () => {
  sessionStorage.removeItem('token');
  location.reload();
});
find('language').addEventListener('click', () => {
  language = language === 'ja' ? 'en' : 'ja';
  localStorage.setItem('language', language);
  translate();
  refresh();
});
find('failed-only').addEventListener('change', () => { shown = PAGE; refresh(); });
find('more').addEventListener('click', () => { shown = Math.min(MOST, shown * 2); refresh(); });
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));

translate();
refresh();
