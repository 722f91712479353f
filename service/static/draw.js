// What all that is drawn has in common. Every function takes an element and values, and makes no request.

import { current, say, sayError } from './say.js';

export const find = (id) => document.getElementById(id);

const last = {};

/** Draw only what is new: who reads or selects something is not disturbed, and the keyboard stays where it is. */
export function draw(id, value, drawing) {
  const text = current() + JSON.stringify(value);
  if (last[id] === text) return;
  last[id] = text;
  const place = find(id);
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  drawing(place, value);
  if (focused) place.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

export function make(tag, properties = {}, ...children) {
  const { dataset, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

export const link = (url, text) => make('a', { href: url, textContent: text, rel: 'noreferrer' });

/** Tiles of a name and a value, and what there is to say of that in small letters. */
export function drawTiles(place, tiles) {
  place.replaceChildren(...tiles.map(([key, value, look = '', more = '']) => make('div', {}, make('dt', { textContent: say(key) }),
    make('dd', { textContent: value, className: look }), ...(more ? [make('dd', { className: 'soft', textContent: more })] : []))));
}

/** Draw a table. Its roles are written out, since a narrow window shows each row as a card. */
export function drawTable(table, columns, rows, caption) {
  const head = columns.map(([key, kind]) => make('th', { scope: 'col', role: 'columnheader', className: kind, textContent: say(key) }));
  const body = rows.map((cells) => make('tr', { role: 'row' }, ...cells.map((cell, i) => {
    const [inside, more] = Array.isArray(cell) ? cell : [cell, ''];
    const [key, kind] = columns[i];
    return make('td', { role: 'cell', className: `${kind} ${more}`.trim(), dataset: { key, label: say(key) } }, inside);
  })));
  table.role = 'table';
  table.replaceChildren(...(rows.length ? [] : [make('caption', { className: 'soft', textContent: caption })]),
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...head)), make('tbody', { role: 'rowgroup' }, ...body));
}

/** Fill a list of choices, and keep what is chosen; each choice is a value and its text. */
export function drawChoices(select, choices) {
  const chosen = select.value;
  select.replaceChildren(...choices.map(([value, textContent]) => make('option', { value, textContent })));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
}

export function drawWords() {
  document.documentElement.lang = current();
  document.title = say('title');
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(element.dataset.say);
  find('language').textContent = say('language');
  find('language').lang = current() === 'ja' ? 'en' : 'ja';
}

export function drawTrouble(place, error) {
  Object.assign(place, { textContent: error ? sayError(error) : '', hidden: !error });
}
