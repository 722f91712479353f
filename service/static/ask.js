// Asks the API. A request carries the token of this tab, if there is one.

const API = '/api/v1/sync';
// How long an answer may take, in milliseconds: who waits longer looks at what was true before.
const LOOK = 15_000;
const START = 60_000;

// As in `plain_lines` of resources/redact.py: control characters, and marks of direction.
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const escaped = (letter) => `\\u${letter.codePointAt(0).toString(16).padStart(4, '0')}`;

/** Read an answer; what the source says in it is safe to show from here on. */
const read = (text) => JSON.parse(text, (_, value) => (
  typeof value === 'string' ? value.replace(UNSAFE, escaped) : value
));

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
  const body = read(await answer.text());
  if (!answer.ok) throw new Refusal(answer.status, body.error);
  return body;
}

const JSON_BODY = { 'Content-Type': 'application/json' };

export const post = (path, body) => ask(path, {
  method: 'POST', ...(body ? { headers: JSON_BODY, body: JSON.stringify(body) } : {}),
});

export const cause = (error, otherwise) => (
  error instanceof Refusal ? error.error : { code: otherwise });
