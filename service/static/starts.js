// Starts syncs and cancels runs, says so at once, and follows each run to its end. A reload of the page forgets none that still works.

import { ask, cause, post, Refusal } from './ask.js';

const ENDED = ['completed', 'failed', 'canceled', 'refused'];
const KEPT = 'starts';

/** Newest first: job, project, mode; state; and once Dagster has it, run_id and what the API says of the run. */
let starts = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]');
let changed = () => {};

export const all = () => starts;
export const followed = () => starts.filter(({ run_id, state }) => run_id && !ENDED.includes(state));
/** Call a function whenever one of them has changed. */
export const onChange = (use) => { changed = use; };

function keep(next = starts) {
  starts = next;
  sessionStorage.setItem(KEPT, JSON.stringify(followed()));
  changed();
}

/** Begin to follow; what has ended before is not shown any more. */
function begin(what) {
  const mine = { ...what };
  keep([mine, ...starts.filter((other) => !ENDED.includes(other.state) && (!mine.run_id || other.run_id !== mine.run_id))]);
  return mine;
}

/** What is started by another address than that of issues. */
const PATHS = { projects: '/projects/all', retry_failed_partitions: '/partitions/failed/tasks' };

/** Start a sync: of all projects where none is named, of their master data where the job is `projects`; or the load of failed partitions. */
export async function start(job, project, full) {
  const mine = begin({ job, project, mode: PATHS[job] ? null : full ? 'full' : 'incremental', state: 'sending' });
  try {
    const path = PATHS[job] ?? (project ? `/project/${encodeURIComponent(project)}/tasks` : '/projects/all/tasks');
    const { run_id, status_url } = await post(path, PATHS[job] ? null : { full });
    Object.assign(mine, { state: 'queued', run_id, status_url });
  } catch (error) {
    Object.assign(mine, { state: 'refused', error: cause(error, 'no_answer'), status_url: error.error?.status_url });
  }
  keep();
}

export async function cancel({ run_id, job, status_url }) {
  const known = starts.find((other) => other.run_id === run_id);
  const before = known?.state;
  const mine = begin({ ...known, run_id, job, status_url, state: 'canceling' });
  try {
    await post(`/runs/${encodeURIComponent(run_id)}/cancel`);
  } catch (error) {
    // A run that was started here is followed on, and the refusal is shown too.
    if (known && !ENDED.includes(before)) starts = [...starts, { ...known, state: before }];
    Object.assign(mine, { state: 'refused', run_id: undefined, error: cause(error, 'no_answer') });
  }
  keep();
}

/** Ask how a run stands that is followed; one that nobody knows any more is not followed on. */
export async function look(mine) {
  try {
    const run = await ask(`/runs/${encodeURIComponent(mine.run_id)}`);
    // Dagster may take a moment to see that it is being canceled.
    const state = mine.state === 'canceling' && !ENDED.includes(run.state) ? 'canceling' : run.state;
    const { error: run_error, status_url, seconds, items_synced, requests } = run;
    Object.assign(mine, { state, run_error, status_url, seconds, items_synced, requests });
    keep();
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
    close(mine);
  }
}

export const close = (one) => keep(starts.filter((other) => other !== one));
