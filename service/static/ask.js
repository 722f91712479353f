// Asks the API. A request carries the token of this tab, if there is one.

const API = '/api/v1/sync';
// How long an answer may take, in milliseconds: who waits longer looks at what was true before.
const LOOK = 15_000;
const START = 60_000;

export class Refusal extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

export async function ask(path, options = {}) {
  const token = sessionStorage.getItem('token');
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const signal = AbortSignal.timeout(options.method === 'POST' ? START : LOOK);
  const answer = await fetch(API + path, { ...options, headers, signal });
  const body = await answer.json();
  if (!answer.ok) throw new Refusal(answer.status, body.error);
  return body;
}

export const post = (path, body) => ask(path, {
  method: 'POST', ...(body ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {}),
});

export const cause = (error, otherwise) => (error instanceof Refusal ? error.error : { code: otherwise });
