// Draws how it stands: one sentence, what needs attention, and each project.

import { at, button, drawTable, joined, link, make, text, when } from './draw.js';
import {
  due, duration, exact, named, number, say, sayCause, sayCondition, sayError, sayProblem, sayText,
  tell,
} from './say.js';

/** Names that stand in a sentence. */
const NAMED = 3;
/** The share of an API limit below which it is worth a word. */
const LITTLE = 0.25;

const names = (projects) => projects.slice(0, NAMED).map(({ key }) => key).join(', ')
  + (projects.length > NAMED ? say('andMore', { count: projects.length - NAMED }) : '');

/** Say in one sentence that all is well, or what is not; the worst comes first. */
export function drawSentence(place, { connection, active, projects }) {
  const [looks, said] = sentence(connection, active, projects.items);
  Object.assign(place, { className: `sentence ${looks}`, textContent: said });
}

function sentence(connection, { active, dagster }, projects) {
  const { connected, condition } = connection;
  if (condition) {
    const looks = connected === false ? 'bad' : 'warn';
    return [looks, sayCondition(condition.kind, { space: connection.space ?? 'Backlog' })];
  }
  if (connected === false) return ['bad', say('disconnected')];
  if (!dagster.reachable) return ['bad', say('noDagster')];
  const open = problems(connection).filter(({ severity }) => severity !== 'information');
  const act = open.filter(({ severity }) => severity === 'act').length;
  if (act) return ['bad', say(act === 1 ? 'needsOne' : 'needsMany', { count: act })];
  if (open.length) {
    return ['warn', say(open.length === 1 ? 'openOne' : 'openMany', { count: open.length })];
  }
  const mine = projects.filter(({ archived }) => !archived);
  const loaded = mine.filter(({ last_success_at }) => last_success_at);
  const differ = mine.filter(({ proof }) => proof && !proof.equal);
  const late = mine.filter(({ fresh }) => !fresh);
  if (differ.length) return ['bad', say('differing', { projects: names(differ) })];
  if (active.length && !loaded.length) return ['', say('firstLoad')];
  if (!mine.length) return ['', say('nothingYet')];
  if (late.length) return ['warn', say('late', { projects: names(late) })];
  return connected === null ? ['', say('unknown')] : ['good', say('allWell')];
}

/** Below it: why, where from, and what an operator asks next; what says nothing is left out. */
export function drawFacts(place, { connection, active, schedules, projects }) {
  const { connected, condition, space, simulated, last_success_at } = connection;
  const where = (space ?? 'Backlog') + (simulated ? say('simulated') : '');
  const isBelow = connection.alerts.open.some(({ topic }) => topic === 'source');
  const why = isBelow ? '' : condition?.message ?? connection.error;
  const code = condition ? condition.cause : connection.cause;
  const next = schedules.items.find(({ next_at, on }) => next_at && on !== false);
  const paused = schedules.items.filter(({ on, on_by_default }) => on === false && on_by_default);
  place.replaceChildren(...joined(
    condition && tell('began', { time: when(condition.since) }), why && sayCause(why, code),
    !active.dagster.reachable && sayError({ code: 'dagster_unreachable', message: '' }),
    connected && say('connected', { space: where }),
    last_success_at && tell('lastSuccess', { time: when(last_success_at) }),
    next && tell('nextRun', { time: at(next.next_at), job: named('jobs', next.job) }),
    paused.length && text(say('pausedCount', { count: paused.length }), 'warn'),
    ...histories(projects), ...littleLeft(connection),
  ));
}

/** Say how many histories are read, as long as not all are. */
function histories(projects) {
  const found = projects.items.map(({ history }) => history).filter(Boolean);
  const sum = (name) => found.reduce((all, one) => all + one[name], 0);
  if (sum('complete') === sum('issues')) return [];
  const minutes = projects.history_minutes_left;
  return [
    say('histories', { share: share(sum('complete'), sum('issues')) }),
    minutes && say('atLeast', { time: duration(60 * minutes) }),
  ];
}

/** Say what is left of a limit that is nearly used up. A window that is over says nothing. */
const littleLeft = ({ rate_limit }) => Object.entries(rate_limit)
  .filter(([, { remaining, limit, reset }]) => (
    remaining < LITTLE * limit && new Date(reset) > Date.now()))
  .map(([bucket, { remaining, limit, reset }]) => say('limitLeft', {
    bucket: named('buckets', bucket), share: share(remaining, limit), time: due(reset),
  }));

/** What fails, once for the syncs of a run with the same cause, and the other open problems. */
function problems({ failing, alerts }) {
  const causes = Map.groupBy(failing, ({ run_id, error }) => `${run_id} ${error}`);
  const isOf = (run_id) => (alert) => alert.run_id === run_id && alert.code.endsWith('_failed');
  const syncs = [...causes.values()].map((same) => {
    const [sync] = same;
    const own = same.map(({ type, project }) => [named(['types', 'jobs'], type), project]);
    return {
      action: 'sync', ...sync, ...alerts.open.find(isOf(sync.run_id)),
      key: sync.run_id, name: own.map((one) => one.filter(Boolean).join(' ')).join(', '),
      facts: [say('failed'), when(sync.ended_at ?? sync.started_at)],
    };
  });
  const others = alerts.open.filter((alert) => !failing.some(({ run_id }) => isOf(run_id)(alert)));
  return [...syncs, ...others.map((alert) => ({
    ...alert, key: `${alert.code} ${alert.subject}`, name: sayProblem(alert).subject,
    facts: [
      sayProblem(alert).place, alert.since && tell('from', { time: when(alert.since) }),
      alert.times > 1 && say('times', { count: number(alert.times) }),
    ],
  }))];
}

const BUTTONS = { sync: 'syncAgain', retry: 'retry' };

/** List what needs attention: what to do about each, and more of it where somebody opens it. */
export function drawAttention(card, connection) {
  const open = [...card.querySelectorAll('[open] > summary')].map(({ dataset }) => dataset.focus);
  const lines = problems(connection).map((problem) => {
    const { severity, action, key, name, facts, status_url } = problem;
    const { cause, data, step } = sayProblem(problem);
    const summary = make('summary', { dataset: { focus: key } },
      make('strong', { textContent: name }), text(' '),
      make('span', { className: 'soft' }, ...joined(...facts)), text(cause, 'why'));
    const more = make('p', {}, text(data), ...(status_url
      ? [' ', link(status_url, say('openRun'))] : []));
    const todo = make('p', { className: 'step', textContent: `${say('todo')} ${step}` });
    // What may end by itself is quiet: what to do about it is seen where somebody opens it.
    const isQuiet = severity !== 'act';
    return make('li', { className: severity },
      make('details', { open: open.includes(key) }, summary, more, ...(isQuiet ? [todo] : [])),
      ...(isQuiet ? [] : [todo]),
      ...(BUTTONS[action]
        ? [button(say(BUTTONS[action]), { action, focus: `${action}-${key}` })] : []));
  });
  card.hidden = !lines.length;
  card.querySelector('ul').replaceChildren(...lines);
}

const share = (part, whole) => say('share', { part: number(part), whole: number(whole) });

/** Say how many projects are fresh and proven. */
export function drawCounts(place, { items }) {
  const mine = items.filter(({ archived }) => !archived);
  const count = (is) => share(mine.filter(is).length, mine.length);
  place.textContent = mine.length ? say('projectCounts', {
    fresh: count(({ fresh }) => fresh), equal: count(({ proof }) => proof?.equal),
  }) : '';
}

/** Show how current each project is, whether it is proven equal, and a button that syncs it. */
export function drawProjects(table, { items }) {
  const columns = [
    ['project', ''], ['freshness', ''], ['proof', ''], ['issues', 'number'], ['action', ''],
  ];
  drawTable(table, columns, items.map((one) => [
    make('span', {}, make('strong', { textContent: one.key }), ` ${one.name}`),
    freshness(one), proven(one.proof), counted(one.proof),
    button(say('syncNow'), { project: one.key, focus: `sync-${one.key}` },
      say('syncProject', { project: one.key })),
  ]), say('noProjects'));
}

function freshness({
  fresh, archived, complete_until, last_success_at, last_error, last_cause, history,
}) {
  const partly = history && history.complete < history.issues
    && say('historyOf', { share: share(history.complete, history.issues) });
  const state = fresh ? 'fresh' : complete_until ? 'stale' : 'notLoaded';
  const looks = archived ? 'soft' : fresh && !last_error ? 'completed' : 'failed';
  return make('span', {},
    make('span', { className: looks, textContent: say(archived ? 'archived' : state) }),
    make('span', { className: 'soft' }, ...(last_success_at ? [' ', when(last_success_at)] : [])),
    ...[partly, last_error && sayCause(last_error, last_cause)].filter(Boolean)
      .map((said) => text(said, 'soft how')));
}

function proven(proof) {
  if (!proof) return text(say('neverCompared'), 'soft');
  const { equal, since, differences, row_differences, rows_compared_at, checked_at } = proof;
  const all = [
    say('since', { time: exact(since) }),
    rows_compared_at && say('byRows', { time: exact(rows_compared_at) }),
  ];
  const said = make('span', {
    className: equal ? 'completed' : 'failed', title: all.filter(Boolean).join(' · '),
    textContent: equal ? say('equal')
      : say('differs', { count: number(Math.max(differences, row_differences ?? 0)) }),
  });
  const how = proof.level === 'count' ? 'byCount' : 'byRows';
  return make('span', {}, said, ' ',
    make('span', { className: 'soft' }, ...tell(how, { time: when(checked_at) })),
    ...(proof.note ? [text(sayText(proof.note), 'soft how')] : []));
}

function counted(proof) {
  if (!proof) return '–';
  const { source_rows, warehouse_rows } = proof;
  return source_rows === warehouse_rows ? number(source_rows) : share(warehouse_rows, source_rows);
}

/** List what runs by itself, with a button that pauses or resumes it where Dagster answers. */
export function drawSchedules(table, { items }) {
  const columns = [['job', ''], ['next', ''], ['every', ''], ['state', ''], ['action', '']];
  drawTable(table, columns, items.map((one) => {
    const { job, next_at, every_seconds, on, on_by_default, name } = one;
    const what = next_at ? named('jobs', job) : named('sensors', name);
    const act = on ? 'pause' : 'resume';
    return [
      what, next_at ? at(next_at) : say('looks'),
      say('interval', { time: duration(every_seconds) }),
      text(say(on === null ? 'notSaid' : on ? 'on' : 'off'),
        on === false && on_by_default ? 'warn' : ''),
      on === null ? '' : button(say(act), { act, name, what, focus: `switch-${name}` },
        say(`${act}What`, { what })),
    ];
  }));
}

export function drawLimits(table, { rate_limit, checked_at }) {
  const columns = [['bucket', ''], ['left', 'number'], ['reset', ''], ['measured', '']];
  drawTable(table, columns, Object.entries(rate_limit).map(([bucket, one]) => [
    named('buckets', bucket), share(one.remaining, one.limit), at(one.reset), when(checked_at),
  ]), say('noLimit'));
}
