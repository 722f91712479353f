// The page of the sync service: shows what the API says, asks before it starts or cancels something
// large, and follows that to its end. One request brings all that it shows: every five seconds, or
// every two while something runs. None is made while the page is hidden.

import { ask, cause } from './ask.js';
import { draw, drawChoices, drawTimes, drawTrouble, drawWords, find } from './draw.js';
import { drawBars, drawByType, drawStats } from './draw_day.js';
import { drawActive, drawLines, drawNote, drawRuns, drawStarts } from './draw_runs.js';
import {
  drawAttention, drawCounts, drawFacts, drawLimits, drawProjects, drawSchedules, drawSentence,
} from './draw_state.js';
import { named, say, sayError, switchLanguage, unknownLanguage, words } from './say.js';
import * as starts from './starts.js';

const AT_REST = 5000, AT_WORK = 2000;
const PAGE = 50, MOST = 200;
const LOG_LINES = 40;
const RETRY = 'retry_failed_partitions';
const FILTERS = ['type', 'status', 'project'];
const NOTICE = unknownLanguage && { code: 'unknown_language', message: unknownLanguage };

let shown = PAGE;
let timer = 0;
let looks = 0;
/** What was answered last, and what is wrong. */
let known = null;
let trouble = NOTICE;

// -- drawing -------------------------------------------------------------------------------------

/** Draw all that is known, in the language of the page. */
function render() {
  draw('trouble', trouble, drawTrouble);
  draw('news', starts.all(), (place, values) => drawStarts(place, values, starts.close));
  if (known) renderKnown(known);
  drawTimes();
}

function renderKnown({ connection, active, stats, timeline, projects, schedules, runs }) {
  const { failing, alerts, dagster_url, report_written_at } = connection;
  draw('sentence', { connection, active, projects }, drawSentence);
  draw('facts', { connection, active, schedules, projects }, drawFacts);
  draw('attention', { failing, alerts }, drawAttention);
  draw('active', active, drawActive);
  draw('project-counts', projects, drawCounts);
  draw('projects', projects, drawProjects);
  draw('stats', stats, drawStats);
  draw('bars', timeline, drawBars);
  draw('by-type', stats, drawByType);
  draw('schedules', schedules, drawSchedules);
  draw('limits', connection, drawLimits);
  const keys = connection.projects.map(({ key, name }) => [key, `${key} ${name}`]);
  const types = [...words('types'), 'marts'];
  draw('project', [['', say('allProjects')], ...keys], drawChoices);
  draw('filter-project', [['', say('any')], ...keys], drawChoices);
  draw('filter-type', [
    ['', say('any')], ...types.map((type) => [type, named(['types', 'jobs'], type)]),
  ], drawChoices);
  draw('filter-status', [
    ['', say('any')],
    ...['failed', 'completed', 'in_progress'].map((status) => [status, say(status)]),
  ], drawChoices);
  for (const one of document.querySelectorAll('.start-issues')) one.disabled = !keys.length;
  if (!keys.length) find('others').open = true;
  find('report').hidden = !report_written_at;
  Object.assign(find('dagster'), { href: dagster_url, hidden: false });
  // What is at work is shown above.
  const isAbove = ({ run_id }) => active.active.some((run) => run.run_id === run_id);
  const filtered = filters().length > 0;
  const items = filtered ? runs.items : runs.items.filter((run) => !isAbove(run));
  drawRuns(find('runs'), { items, filtered });
  find('more').hidden = runs.next_before === null || shown >= MOST;
}

function show(id) {
  for (const name of ['sign-in', 'desk']) find(name).hidden = name !== id;
  find('sign-out').hidden = id !== 'desk' || !sessionStorage.getItem('token');
}

function askForToken() {
  trouble = sessionStorage.getItem('token') ? { code: 'unauthorized' } : null;
  sessionStorage.removeItem('token');
  render();
  show('sign-in');
  find('token').focus();
}

// -- looking -------------------------------------------------------------------------------------

const isBusy = () => starts.followed().length > 0 || known?.active.active.length > 0;
const filters = () => FILTERS.map((name) => [name, find(`filter-${name}`).value])
  .filter(([, value]) => value);

/** Look at everything; a look that begins later takes the place of this one. */
async function refresh() {
  clearTimeout(timer);
  looks += 1;
  const mine = looks;
  const query = new URLSearchParams([['limit', shown], ...filters()]);
  const logs = document.querySelectorAll('#active details[data-after][open]');
  try {
    const [found] = await Promise.all([
      ask(`/page?${query}`), ...starts.followed().map(starts.look), ...[...logs].map(readLog),
    ]);
    if (mine !== looks) return;
    known = found;
    trouble = NOTICE;
    show('desk');
  } catch (error) {
    if (mine !== looks) return;
    if (error.status === 401) {
      askForToken();
      return;
    }
    trouble = cause(error, 'unreachable');
  }
  render();
  if (!document.hidden) timer = setTimeout(refresh, isBusy() ? AT_WORK : AT_REST);
}

/** Ask for the log of a run: for all of it first, and then for what was written since. */
async function readLog(details) {
  const { log, after } = details.dataset;
  const place = details.querySelector('.lines');
  try {
    const query = after ? `?after=${encodeURIComponent(after)}` : '';
    const answer = await ask(`/runs/${encodeURIComponent(log)}/log${query}`);
    if (details.dataset.after !== after) return; // Another look was quicker.
    details.dataset.after = answer.next_after ?? '';
    drawLines(place, answer.lines, LOG_LINES);
  } catch (error) {
    drawNote(place, sayError(cause(error, 'unreachable')));
  }
}

// -- starting and canceling ----------------------------------------------------------------------

/** Ask a question; its title and its button say what it is about. */
function confirmed(kind, text) {
  const dialog = find('confirm');
  for (const [id, word] of [['title', 'Question'], ['no', 'No'], ['yes', 'Yes']]) {
    find(`confirm-${id}`).textContent = say(`${kind}${word}`);
  }
  find('confirm-text').textContent = text;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

/** What is asked before a start; nothing where one project is read on from where it is. */
function question(job, project, full) {
  if (job === 'projects') return 'confirmProjects';
  if (job === RETRY) return 'confirmRetry';
  if (full) return project ? 'confirmFull' : 'confirmAllFull';
  return project ? null : 'confirmAll';
}

async function start(job, project, full) {
  const asked = question(job, project, full);
  if (asked && !await confirmed('start', say(asked, { project }))) return;
  await starts.start(job, project, full);
  refresh();
}

async function cancel({ run: run_id, job, url: status_url }) {
  if (!await confirmed('cancel', say('confirmCancel', { title: named('jobs', job) }))) return;
  await starts.cancel({ run_id, job, status_url });
  refresh();
}

/** Call a function with what a button in a place says of itself. */
function onButton(id, use) {
  find(id).addEventListener('click', ({ target }) => {
    if (target.matches('button')) use(target.dataset);
  });
}

starts.onChange(render);
find('start-all').addEventListener('click', () => start('issues', null, false));
find('start-projects').addEventListener('click', () => start('projects', null, false));
find('start-full').addEventListener('submit', (event) => {
  event.preventDefault();
  start('issues', find('project').value, true);
});
onButton('projects', ({ project }) => start('issues', project, false));
onButton('attention', ({ action }) => start(action === 'retry' ? RETRY : 'issues', null, false));
onButton('active', cancel);
onButton('schedules', async ({ act, name, what }) => {
  await starts.pauseOrResume(act, name, what);
  refresh();
});
// The event does not bubble.
document.addEventListener('toggle', ({ target }) => {
  if (target.open && target.dataset.log) readLog(target);
}, { capture: true });
find('sign-in').querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', find('token').value);
  find('token').value = '';
  refresh();
});
find('sign-out').addEventListener('click', () => {
  sessionStorage.clear();
  location.reload();
});
find('language').addEventListener('click', () => {
  switchLanguage();
  drawWords();
  render();
});
find('filters').addEventListener('change', () => { shown = PAGE; refresh(); });
find('more').addEventListener('click', () => { shown = Math.min(MOST, shown * 2); refresh(); });
document.addEventListener('visibilitychange', () => (
  document.hidden ? clearTimeout(timer) : refresh()));

drawWords();
refresh();
