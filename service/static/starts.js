// Starts syncs, cancels runs and pauses schedules, says so at once, and follows each run to its
// end. A reload of the page forgets none that still works.

import { ask, cause, post } from './ask.js';

const ENDED = ['completed', 'failed', 'canceled', 'refused'];
const KEPT = 'starts';

/** Newest first: job, project, mode; state; once Dagster has it, run_id and what is said of it. */
let starts = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]');
let changed = () => {};

export const all = () => starts;
const works = ({ run_id, state }) => run_id && !ENDED.includes(state);
export const followed = () => starts.filter(works);
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
  const isOther = ({ run_id }) => !mine.run_id || run_id !== mine.run_id;
  keep([mine, ...starts.filter((other) => !ENDED.includes(other.state) && isOther(other))]);
  return mine;
}

/** What is started by another address than that of issues. */
const PATHS = {
  projects: '/projects/all', retry_failed_partitions: '/partitions/failed/tasks',
};

/** Start a sync of issues: of all projects where none is named; or a job that has a path. */
export async function start(job, project, full) {
  const own = PATHS[job];
  const mode = own ? null : full ? 'full' : 'incremental';
  const mine = begin({ job, project, mode, state: 'sending' });
  const issues = project ? `/project/${encodeURIComponent(project)}/tasks` : '/projects/all/tasks';
  try {
    const { run_id, status_url } = await post(own ?? issues, own ? null : { full });
    Object.assign(mine, { state: 'queued', run_id, status_url });
  } catch (error) {
    const said = { error: cause(error, 'no_answer'), status_url: error.error?.status_url };
    Object.assign(mine, { state: 'refused', ...said });
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
    const said = { error: cause(error, 'no_answer') };
    Object.assign(mine, { state: 'refused', run_id: undefined, ...said });
  }
  keep();
}

/** Pause or resume a schedule or a sensor; only a refusal is said. */
export async function pauseOrResume(act, name, what) {
  try {
    await post(`/schedules/${encodeURIComponent(name)}/${act}`);
  } catch (error) {
    begin({ job: what, state: 'refused', error: cause(error, 'no_answer') });
  }
}

/**
 * Ask how a run stands that is followed; one that nobody knows any more is not followed on. If
 * there is no answer, the next look asks again.
 */
export async function look(mine) {
  try {
    const run = await ask(`/runs/${encodeURIComponent(mine.run_id)}`);
    // Dagster may take a moment to see that it is being canceled.
    const isCanceling = mine.state === 'canceling' && !ENDED.includes(run.state);
    const { error: run_error, cause: run_cause } = run;
    const { status_url, seconds, items_synced, requests } = run;
    const state = isCanceling ? 'canceling' : run.state;
    Object.assign(mine, {
      state, run_error, run_cause, status_url, seconds, items_synced, requests,
    });
    keep();
  } catch (error) {
    if (error.status === 404) close(mine);
  }
}

export const close = (one) => keep(starts.filter((other) => other !== one));
