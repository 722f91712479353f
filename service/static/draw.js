// What all that is drawn has in common. Every function takes an element and values, and makes no
// request.

import { ago, current, due, exact, say, sayError } from './say.js';

export const find = (id) => document.getElementById(id);

const last = {};

/** Draw only what is new: who reads or selects something is not disturbed, nor the keyboard. */
export function draw(id, value, drawing) {
  const text = current() + JSON.stringify(value);
  if (last[id] === text) return;
  last[id] = text;
  const place = find(id);
  const { activeElement } = document;
  const focused = place.contains(activeElement) ? activeElement.dataset.focus : undefined;
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

export const text = (textContent, className = '') => make('span', { textContent, className });
export const link = (url, words) => (
  make('a', { href: url, textContent: words, rel: 'noreferrer' }));
/** A small button; `dataset` says what it does, and to what. */
export const button = (textContent, dataset, ariaLabel = textContent) => make('button', {
  type: 'button', className: 'quiet', textContent, ariaLabel, dataset,
});

/** Put what there is in a row. */
export const joined = (...parts) => parts.filter((part) => part && part.length !== 0)
  .flatMap((part, i) => [i ? ' · ' : '', part].flat());

/** How long ago something was, and exactly when where the mouse is. */
export const when = (instant) => make('time', {
  dateTime: instant, title: exact(instant), textContent: ago(instant), dataset: { ago: '' },
});
/** When something will be, or was on this day. */
export const at = (instant) => make('time', {
  dateTime: instant, title: exact(instant), textContent: due(instant),
});

/** Let time pass in all that is drawn. */
export function drawTimes() {
  for (const one of document.querySelectorAll('time[data-ago]')) {
    const passed = ago(one.dateTime);
    if (one.textContent !== passed) one.textContent = passed;
  }
}

/**
 * Draw a table. A column is a key and its looks, a cell an element or a text. The roles are written
 * out, since a narrow window shows each row as a card.
 */
export function drawTable(table, columns, rows, caption) {
  const head = columns.map(([key, looks]) => make('th', {
    scope: 'col', role: 'columnheader', className: looks, textContent: say(key), dataset: { key },
  }));
  const body = rows.map((cells) => make('tr', { role: 'row' }, ...cells.map((cell, i) => {
    const [key, className] = columns[i];
    return make('td', { role: 'cell', className, dataset: { key, label: say(key) } }, cell);
  })));
  table.role = 'table';
  table.replaceChildren(...(rows.length ? [
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...head)),
    make('tbody', { role: 'rowgroup' }, ...body),
  ] : [make('caption', { className: 'soft', textContent: caption })]));
}

/** Fill a list of choices, and keep what is chosen; each choice is a value and its text. */
export function drawChoices(select, choices) {
  const chosen = select.value;
  select.replaceChildren(...choices.map(([value, textContent]) => (
    make('option', { value, textContent }))));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
}

export function drawWords() {
  document.documentElement.lang = current();
  document.title = say('title');
  for (const one of document.querySelectorAll('[data-say]')) {
    one.textContent = say(one.dataset.say);
  }
  find('language').textContent = say('language');
  find('language').lang = current() === 'ja' ? 'en' : 'ja';
}

export function drawTrouble(place, error) {
  Object.assign(place, { textContent: error ? sayError(error) : '', hidden: !error });
}
