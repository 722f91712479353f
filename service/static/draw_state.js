// Draws how it stands: the source, what needs attention, what is next, and each project.

import { drawTable, drawTiles, link, make } from './draw.js';
import { due, duration, lately, moment, named, number, say, sayCause, sayCondition, sayProblem, sayText } from './say.js';

/** Say in words whether Backlog answers, and if not since when and why. */
export function drawBadge(badge, { connected, condition, error, space, simulated, failing }) {
  const values = { space: (space ?? 'Backlog') + (simulated ? say('simulated') : '') };
  const parts = [];
  if (condition) parts.push(sayCondition(condition.kind, values), say('from', { time: lately(condition.since) }), sayCause(condition.message));
  else if (connected === false) parts.push(say('disconnected'), error && sayCause(error));
  else parts.push(say(connected ? 'connected' : 'unknown', values), connected || !error ? '' : sayCause(error));
  if (failing.length) parts.push(say('failing', { count: failing.length }));
  const bad = connected === false || failing.length;
  badge.className = `badge ${bad ? 'bad' : condition ? 'warn' : connected ? 'good' : ''}`;
  badge.textContent = parts.filter(Boolean).join(' · ');
}

const todo = (text) => make('p', { className: 'todo' }, make('strong', { textContent: say('todo') }), ` ${text}`);

/** A button for what a click can do about a problem; the run is opened by its link. */
function remedy({ action, key }) {
  if (action !== 'sync' && action !== 'retry') return [];
  const label = say(action === 'sync' ? 'syncAgain' : 'retry');
  return [make('button', { type: 'button', className: 'quiet small', textContent: label, dataset: { action, focus: `${action}-${key}` } })];
}

/** List what fails, one line for the syncs of a run with the same cause, and the other open problems: each with what it means and what to do. */
export function drawAttention(card, { failing, alerts }) {
  const causes = new Map();
  for (const sync of failing) {
    const key = `${sync.run_id} ${sync.error}`;
    causes.set(key, [...causes.get(key) ?? [], sync]);
  }
  const isOf = (run_id) => (alert) => alert.run_id === run_id && alert.code.endsWith('_failed');
  const syncs = [...causes.values()].map((same) => {
    const [sync] = same;
    const names = same.map(({ type, project }) => `${named(['types', 'jobs'], type)} ${project ?? ''}`.trim()).join(', ');
    const alert = alerts.open.find(isOf(sync.run_id));
    return line(names, `${say('failed')} · ${lately(sync.ended_at ?? sync.started_at)}`, sync.status_url, alert ?? { ...sync, action: 'sync', key: sync.run_id });
  });
  const others = alerts.open.filter((alert) => !failing.some(({ run_id }) => isOf(run_id)(alert))).map((alert) => {
    const { subject, place } = sayProblem(alert);
    const facts = [place, alert.since && say('from', { time: lately(alert.since) }), alert.times > 1 && say('times', { count: number(alert.times) })];
    return line(subject, facts.filter(Boolean).join(' · '), alert.status_url, alert);
  });
  const lines = [...syncs, ...others];
  card.hidden = !lines.length;
  card.querySelector('ul').replaceChildren(...lines);
}

/** A problem: what is wrong, since when, why, what it means for the data, and what to do. */
function line(name, facts, url, problem) {
  const { cause, data, step } = sayProblem(problem);
  return make('li', { className: problem.severity ?? 'warning' }, make('strong', { textContent: name }), ` ${facts} · ${cause} · ${data} `,
    ...(url ? [link(url, say('openRun')), ' '] : []), ...remedy(problem), todo(step));
}

const share = (part, whole) => say('share', { part: number(part), whole: number(whole) });

/** Show what an operator asks first: last success, next run, freshness and proof of the projects, and what is left of the limit. */
export function drawOverview(place, { connection, schedules, projects }) {
  const tiles = [['lastSuccess', connection.last_success_at ? lately(connection.last_success_at) : say('never')]];
  const next = schedules?.items.find(({ next_at, on }) => next_at && on !== false);
  const stopped = schedules?.items.filter(({ on, on_by_default }) => on === false && on_by_default).length;
  tiles.push(['nextRun', next ? due(next.next_at) : '–', stopped ? 'bad' : '',
    [next && named('jobs', next.job), stopped && say('stoppedCount', { count: stopped })].filter(Boolean).join(' · ')]);
  const active = projects?.items.filter(({ archived }) => !archived) ?? [];
  const fresh = active.filter((one) => one.fresh), equal = active.filter(({ proof }) => proof?.equal);
  const differ = active.filter(({ proof }) => proof && !proof.equal);
  tiles.push(['freshProjects', share(fresh.length, active.length), fresh.length < active.length ? 'bad' : 'good',
    projects && say('within', { time: duration(projects.fresh_within_seconds) })]);
  tiles.push(['equalProjects', share(equal.length, active.length), differ.length ? 'bad' : equal.length < active.length ? '' : 'good',
    differ.map(({ key }) => key).join(', ')]);
  const histories = (projects?.items ?? []).map(({ history }) => history).filter(Boolean);
  const [issues, complete] = ['issues', 'complete'].map((name) => histories.reduce((all, one) => all + one[name], 0));
  if (complete < issues) {
    const { history_minutes_left: minutes } = projects;
    tiles.push(['histories', share(complete, issues), '', minutes === null ? '' : say('atLeast', { time: duration(60 * minutes) })]);
  }
  const limits = Object.entries(connection.rate_limit);
  const [tightest] = limits.toSorted(([, a], [, b]) => a.remaining / a.limit - b.remaining / b.limit);
  if (tightest) {
    const [bucket, { remaining, limit, reset }] = tightest;
    // A window that has ended since then may be full again, or used up by a load.
    const over = new Date(reset) < Date.now();
    tiles.push(['limitLeft', share(remaining, limit), '', say(over ? 'limitMeasured' : 'limitReset', {
      bucket: named('buckets', bucket), time: over ? lately(connection.checked_at) : due(reset),
    })]);
  } else tiles.push(['limitLeft', '–']);
  drawTiles(place, tiles);
}

export function drawSchedules(table, { items }) {
  const columns = [['job', ''], ['next', ''], ['every', ''], ['state', '']];
  drawTable(table, columns, items.map(({ job, next_at, every_seconds, on, on_by_default, name }) => [
    next_at ? named('jobs', job) : named('sensors', name), next_at ? due(next_at) : say('looks'), say('interval', { time: duration(every_seconds) }),
    [say(on === null ? 'notSaid' : on ? 'on' : 'off'), on === false && on_by_default ? 'failed' : ''],
  ]));
}

export function drawLimits(table, { rate_limit, checked_at }) {
  const columns = [['bucket', ''], ['left', 'number'], ['reset', ''], ['measured', '']];
  drawTable(table, columns, Object.entries(rate_limit).map(([bucket, { remaining, limit, reset }]) => [
    named('buckets', bucket), share(remaining, limit), due(reset), lately(checked_at),
  ]), say('noLimit'));
}

/** Show how current each project is, since when it is proven to be equal, and a button that syncs it. */
export function drawProjectStates(table, { items }) {
  const columns = [['project', ''], ['freshness', ''], ['lastSuccess', ''], ['proof', ''], ['issues', 'number'], ['action', '']];
  drawTable(table, columns, items.map((one) => [
    `${one.key} ${one.name}`, freshness(one), one.last_success_at ? moment(one.last_success_at) : say('never'), ...proven(one.proof),
    make('button', { type: 'button', className: 'quiet small', textContent: say('syncNow'), ariaLabel: say('syncProject', { project: one.key }),
      dataset: { project: one.key, focus: `sync-${one.key}` } }),
  ]), say('noProjects'));
}

function freshness({ fresh, archived, complete_until, last_error, history }) {
  const partly = history && history.complete < history.issues
    ? ` · ${say('historyOf', { share: share(history.complete, history.issues) })}` : '';
  if (archived) return [say('archived') + partly, 'soft'];
  const said = fresh ? say('fresh') + partly : say(complete_until ? 'stale' : 'notLoaded');
  if (!last_error) return [said, fresh ? 'completed' : 'failed'];
  return explained(said, 'failed', sayCause(last_error));
}

const explained = (said, className, how) => make('span', {},
  make('span', { className, textContent: said }), make('span', { className: 'soft how', textContent: how }));

function proven(proof) {
  if (!proof) return [[say('neverCompared'), 'soft'], '–'];
  const { equal, since, differences, row_differences, rows_compared_at, checked_at, level, source_rows, warehouse_rows, note } = proof;
  const said = equal ? say('equalSince', { time: moment(since) })
    : say('differs', { count: number(Math.max(differences, row_differences ?? 0)), time: moment(since) });
  const how = [rows_compared_at && say('byRows', { time: moment(rows_compared_at) }), level === 'count' && say('byCount', { time: moment(checked_at) }),
    note && sayText(note)];
  const text = explained(said, equal ? 'completed' : 'failed', how.filter(Boolean).join(' · '));
  return [text, source_rows === warehouse_rows ? number(source_rows) : share(warehouse_rows, source_rows)];
}
