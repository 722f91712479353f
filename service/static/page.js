// The page of the sync service: shows what the API says, asks before it starts a sync, and follows that to its end.
// It looks every two seconds; an answer that has not changed costs no body (ETag), and none is asked for while the page is hidden.

import {
  draw, drawActive, drawAttention, drawBadge, drawByType, drawHistory, drawProjects, drawStarts, drawStats, drawTrouble, drawWords, find,
} from './draw.js';
import { say, switchLanguage } from './say.js';

const API = '/api/v1/sync';
const LOOK = 2000;
/** Dagster is asked what runs in every look while something does, and else in every fifth. */
const SELDOM = 5;
const PAGE = 20, MOST = 200;
const ENDED = ['completed', 'failed', 'canceled', 'refused'];

let shown = PAGE;
let timer = 0;
let looks = 0;
/** What was answered last, by what it is; `starts` are the syncs that were started here, newest first. */
const known = { starts: [], trouble: null };

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

const cause = (error, otherwise) => (error instanceof Refusal ? error.error : { code: otherwise });

// -- drawing --------------------------------------------------------------------------------------------------

/** Draw all that is known, in the language of the page. */
function render() {
  const { active, connection, stats, history, starts, trouble } = known;
  draw('trouble', trouble, drawTrouble);
  draw('news', starts, (place, values) => drawStarts(place, values, close));
  if (active) draw('active', active, drawActive);
  if (connection) {
    draw('badge', connection, drawBadge);
    draw('attention', connection, drawAttention);
    draw('project', connection.projects, drawProjects);
    Object.assign(find('dagster'), { href: connection.dagster_url, hidden: false });
  }
  if (stats) {
    draw('stats', stats, drawStats);
    draw('by-type', stats, drawByType);
  }
  if (history) {
    draw('history', history, drawHistory);
    find('more').hidden = history.next_before === null || shown >= MOST;
  }
}

function show(id) {
  for (const name of ['sign-in', 'desk']) find(name).hidden = name !== id;
  find('sign-out').hidden = id !== 'desk' || !sessionStorage.getItem('token');
}

function askForToken() {
  known.trouble = sessionStorage.getItem('token') ? { code: 'unauthorized' } : null;
  sessionStorage.removeItem('token');
  render();
  show('sign-in');
  find('token').focus();
}

// -- going on -------------------------------------------------------------------------------------------------

const followed = () => known.starts.filter(({ run_id, state }) => run_id && !ENDED.includes(state));
const busy = () => followed().length > 0 || known.active?.active.length > 0;

/** Look at everything, drawing each answer as it comes; a look that begins later takes the place of this one. */
async function refresh() {
  clearTimeout(timer);
  looks += 1;
  const mine = looks;
  const problems = [];

  async function take(asking, use) {
    try {
      const answer = await asking;
      if (mine !== looks) return;
      use(answer);
      show('desk');
      render();
    } catch (error) {
      problems.push(error);
    }
  }

  const filtered = find('failed-only').checked;
  const asked = [
    take(ask('/connection/status'), (answer) => { known.connection = answer; }),
    take(ask('/monitor/stats'), (answer) => { known.stats = answer; }),
    take(ask(`/history?limit=${shown}${filtered ? '&status=failed' : ''}`), (answer) => { known.history = { ...answer, filtered }; }),
    ...followed().map((start) => take(ask(`/runs/${start.run_id}`), (run) => {
      Object.assign(start, { state: run.state, run_error: run.error, status_url: run.status_url });
    })),
  ];
  if (busy() || !known.active || looks % SELDOM === 0) asked.push(take(ask('/monitor/active'), (answer) => { known.active = answer; }));
  await Promise.all(asked);
  if (mine !== looks) return;
  if (problems.some(({ status }) => status === 401)) {
    askForToken();
    return;
  }
  known.trouble = problems.length ? cause(problems[0], 'unreachable') : null;
  render();
  if (!document.hidden) timer = setTimeout(refresh, LOOK);
}

// -- starting -------------------------------------------------------------------------------------------------

function confirmed(text) {
  const dialog = find('confirm');
  find('confirm-text').textContent = text;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

/** Start a sync, say so at once, and follow its run from then on; what has ended before is not shown any more. */
async function start(question, what, path, options) {
  if (!await confirmed(question)) return;
  const mine = { ...what, state: 'sending' };
  known.starts = [mine, ...known.starts.filter(({ state }) => !ENDED.includes(state))];
  render();
  try {
    const { run_id, status_url } = await ask(path, { method: 'POST', ...options });
    Object.assign(mine, { state: 'queued', run_id, status_url });
  } catch (error) {
    Object.assign(mine, { state: 'refused', error: cause(error, 'no_answer'), status_url: error.error?.status_url });
  }
  render();
  refresh();
}

function close(one) {
  known.starts = known.starts.filter((other) => other !== one);
  render();
}

find('start-projects').addEventListener('click', () => start(say('confirmProjects'), { job: 'projects' }, '/projects/all'));
find('start-issues').addEventListener('submit', (event) => {
  event.preventDefault();
  const project = find('project').value, full = find('full').checked;
  const question = say(full ? 'confirmFull' : 'confirmIssues', { project });
  start(question, { job: 'issues', project }, `/project/${encodeURIComponent(project)}/tasks`, {
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
  switchLanguage();
  drawWords();
  render();
});
find('failed-only').addEventListener('change', () => { shown = PAGE; refresh(); });
find('more').addEventListener('click', () => { shown = Math.min(MOST, shown * 2); refresh(); });
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));

drawWords();
refresh();
