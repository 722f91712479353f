// The page of the sync service: shows what the API says, asks before it starts or cancels something, and follows that to its end.
// It looks every two seconds; an answer that has not changed costs no body (ETag), and none is asked for while the page is hidden.

import { ask, cause } from './ask.js';
import { draw, drawChoices, drawTrouble, drawWords, find } from './draw.js';
import { drawByType, drawSlots, drawStats, drawTimeline } from './draw_day.js';
import { drawActive, drawHistory, drawStarts } from './draw_runs.js';
import { drawAttention, drawBadge, drawLimits, drawOverview, drawProjectStates, drawSchedules } from './draw_state.js';
import { named, say, switchLanguage, words } from './say.js';
import * as starts from './starts.js';

const LOOK = 2000;
/** What changes with the runs, or seldom, is asked for when the runs have changed, and else in every fifth look. */
const SELDOM = 5;
const PAGE = 20, MOST = 200;
const RETRY = 'retry_failed_partitions';
const FILTERS = ['type', 'status', 'project'];

let shown = PAGE;
let timer = 0;
let looks = 0;
let fresh = false;
/** What was answered last, by what it is. */
const known = { trouble: null };

// -- drawing --------------------------------------------------------------------------------------------------

/** Draw all that is known, in the language of the page. */
function render() {
  const { active, connection, stats, history, projects, schedules, timeline, trouble } = known;
  draw('trouble', trouble, drawTrouble);
  draw('news', starts.all(), (place, values) => drawStarts(place, values, starts.close));
  if (active) draw('active', active, drawActive);
  if (connection) {
    const keys = connection.projects.map(({ key, name }) => [key, `${key} ${name}`]);
    draw('badge', connection, drawBadge);
    draw('attention', connection, drawAttention);
    draw('overview', { connection, schedules, projects }, drawOverview);
    draw('limits', connection, drawLimits);
    draw('project', [['', say('allProjects')], ...keys], drawChoices);
    draw('filter-project', [['', say('any')], ...keys], drawChoices);
    for (const button of document.querySelectorAll('#start-issues button')) button.disabled = !keys.length;
    find('report').hidden = !connection.report_written_at;
    Object.assign(find('dagster'), { href: connection.dagster_url, hidden: false });
  }
  draw('filter-type', [['', say('any')], ...[...words('types'), 'marts'].map((type) => [type, named(['types', 'jobs'], type)])], drawChoices);
  draw('filter-status', [['', say('any')], ...['failed', 'completed', 'in_progress'].map((status) => [status, say(status)])], drawChoices);
  if (schedules) draw('schedules', schedules, drawSchedules);
  if (projects) draw('projects', projects, drawProjectStates);
  if (timeline) {
    draw('timeline', timeline, drawTimeline);
    draw('slots', timeline, drawSlots);
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

// -- looking --------------------------------------------------------------------------------------------------

const busy = () => starts.followed().length > 0 || known.active?.active.length > 0;
const filters = () => FILTERS.map((name) => [name, find(`filter-${name}`).value]).filter(([, value]) => value);

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

  const filtered = filters();
  const query = new URLSearchParams([['limit', shown], ...filtered]);
  const seldom = looks % SELDOM === 0;
  const asked = [
    take(ask('/connection/status'), (answer) => { known.connection = answer; }),
    take(ask('/monitor/stats'), (answer) => { known.stats = answer; }),
    take(ask(`/runs?${query}`), (answer) => {
      fresh = fresh && JSON.stringify(answer.items) === JSON.stringify(known.history?.items);
      known.history = { ...answer, filtered: filtered.length > 0 };
    }),
    ...starts.followed().map((start) => take(starts.look(start), () => {})),
  ];
  if (busy() || !known.active || seldom) asked.push(take(ask('/monitor/active'), (answer) => { known.active = answer; }));
  if (!fresh || seldom) {
    fresh = true;
    for (const [name, path] of [['projects', '/projects'], ['schedules', '/schedules'], ['timeline', '/monitor/timeline']]) {
      asked.push(take(ask(path), (answer) => { known[name] = answer; }));
    }
  }
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

// -- starting and canceling -----------------------------------------------------------------------------------

/** Ask a question; its title and its button say what it is about. */
function confirmed(kind, text) {
  const dialog = find('confirm');
  for (const [id, words] of [['confirm-title', `${kind}Question`], ['confirm-no', `${kind}No`], ['confirm-yes', `${kind}Yes`]]) {
    find(id).textContent = say(words);
  }
  find('confirm-text').textContent = text;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

async function start(job, project, full) {
  const question = job === 'projects' ? 'confirmProjects' : job === RETRY ? 'confirmRetry' : `confirm${project ? '' : 'All'}${full ? 'Full' : 'Issues'}`;
  if (!await confirmed('start', say(question, { project }))) return;
  await starts.start(job, project, full);
  refresh();
}

async function cancel({ run: run_id, job, url: status_url }) {
  if (!await confirmed('cancel', say('confirmCancel', { title: named('jobs', job) }))) return;
  await starts.cancel({ run_id, job, status_url });
  refresh();
}

starts.onChange(render);
find('start-projects').addEventListener('click', () => start('projects', null, false));
find('start-issues').addEventListener('submit', (event) => {
  event.preventDefault();
  start('issues', find('project').value, find('full').checked);
});
find('projects').addEventListener('click', ({ target }) => target.dataset.project && start('issues', target.dataset.project, false));
find('attention').addEventListener('click', ({ target: { dataset: { action } } }) => action && start(action === 'retry' ? RETRY : 'issues', null, false));
find('active').addEventListener('click', ({ target }) => target.dataset.run && cancel(target.dataset));
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
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));

drawWords();
refresh();
