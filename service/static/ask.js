// Asks the API. A request carries the token of this tab, if there is one.

const API = '/api/v1/sync';

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
  const answer = await fetch(API + path, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Refusal(answer.status, body.error);
  return body;
}

export const post = (path, body) => ask(path, {
  method: 'POST', ...(body ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {}),
});

export const cause = (error, otherwise) => (error instanceof Refusal ? error.error : { code: otherwise });
