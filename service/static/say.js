// The language of the page, and how it writes words, numbers and times in it.

import { CAUSES } from './causes.js';
import { WORDS } from './words.js';

const kept = localStorage.getItem('language');
const isKnown = kept !== null && Object.hasOwn(WORDS, kept);
/** A language that was kept and is none; it is forgotten, and that of the browser is used. */
export const unknownLanguage = isKnown ? null : kept;
if (!isKnown) localStorage.removeItem('language');

let language = isKnown ? kept : navigator.language.startsWith('ja') ? 'ja' : 'en';

export const current = () => language;

export function switchLanguage() {
  language = language === 'ja' ? 'en' : 'ja';
  localStorage.setItem('language', language);
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');

export const say = (key, values = {}) => fill(WORDS[language][key] ?? key, values);
/** Say a text in parts: an element is put in where the text has its name. */
export const tell = (key, values) => WORDS[language][key].split(/\{(\w+)\}/)
  .map((part, i) => (i % 2 ? values[part] : part));

export const sayCondition = (kind, values) => fill(WORDS[language].conditions[kind], values);
export const sayStart = (state) => WORDS[language].starts[state] ?? state;
/** What is said of a problem in the language of the page, or else in another. */
export const sayProblem = ({ texts }) => texts[language] ?? Object.values(texts)[0];
/** The names that a list of words has. Japanese has a word for each of them. */
export const words = (list) => Object.keys(WORDS.ja[list]);

/** Name a type, a mode or a job; a name that no list has is shown as it is. */
export function named(kinds, name) {
  const lists = [kinds].flat().map((kind) => WORDS[language][kind]);
  return lists.map((list) => list[name]).find(Boolean) ?? name.replaceAll('_', ' ');
}

/** Make the pattern of a phrase of the engine; a count is a number, all else has no space. */
const pattern = (phrase) => new RegExp(
  phrase.replace(/\{(\w+)\}/g, (_, name) => `(?<${name}>${name === 'count' ? '\\d+' : '\\S+'})`),
  'g',
);

/** Say a text of the engine: phrases that have words are said in these, all else as it is. */
export function sayText(text) {
  return Object.entries(WORDS[language].phrases).reduce((said, [phrase, to]) => (
    said.replace(pattern(phrase), (...match) => {
      const { bucket, table, ...values } = match.at(-1);
      return fill(to, {
        ...values,
        bucket: bucket && named('buckets', bucket),
        table: table && named('types', table),
      });
    })
  ), text);
}

/** Say why something failed: by the code of its cause, and the recorded line in parentheses. */
export function sayCause(error, code) {
  if (!error && !code) return say('noCause');
  const said = (Object.hasOwn(CAUSES, code ?? '') ? CAUSES[code ?? ''] : CAUSES[''])[language];
  if (!error) return said;
  return language === 'en' ? `${said} (${error})` : `${said}(${error})`;
}

/** Say an error of the API by its code; one that has no words is said in those of the service. */
export function sayError(error) {
  const text = WORDS[language].errors[error.code];
  if (!text) {
    return language === 'en' ? `${error.message} ${error.hint}` : WORDS.ja.errors.unexpected;
  }
  const { message, cause } = error;
  return fill(text, { ...error, message: cause ? sayCause(message, cause) : message });
}

const DAY = 24 * 3600 * 1000;
const UNITS = [['day', DAY], ['hour', 3_600_000], ['minute', 60_000]];

export const number = (value) => new Intl.NumberFormat(language).format(value);
/** A zero is left out. */
export const some = (value) => (value ? number(value) : '');
export const percent = (value) => new Intl.NumberFormat(
  language, { style: 'percent', maximumFractionDigits: 1 },
).format(value);

const written = (date, form) => new Intl.DateTimeFormat(language, form).format(date);

/** Write an instant as it is, to the second. */
export const exact = (text) => written(new Date(text), { dateStyle: 'long', timeStyle: 'medium' });
/** Write the hour and the minute of an instant. */
export const hour = (date) => written(date, { timeStyle: 'short' });

/** Write how long ago something was; what is a week old by its day. */
export function ago(text) {
  const date = new Date(text);
  const passed = Date.now() - date;
  if (passed > 7 * DAY) return written(date, { year: 'numeric', month: 'numeric', day: 'numeric' });
  const [unit, length] = UNITS.find(([, one]) => passed >= one) ?? [];
  if (!unit) return say('justNow');
  const format = new Intl.RelativeTimeFormat(language, { style: 'short' });
  return format.format(-Math.floor(passed / length), unit).replace('.', '');
}

/** Write when something will be: within a day without its date. */
export function due(text) {
  const date = new Date(text);
  if (date - Date.now() < DAY) return hour(date);
  return written(date, { month: 'numeric', day: 'numeric', hour: 'numeric', minute: '2-digit' });
}

export function duration(seconds) {
  if (seconds === null) return '–';
  const [, unit, length] = [[60, 'second', 1], [3600, 'minute', 60], [Infinity, 'hour', 3600]]
    .find(([limit]) => seconds < limit);
  return new Intl.NumberFormat(
    language, { style: 'unit', unit, maximumFractionDigits: unit === 'second' ? 0 : 1 },
  ).format(seconds / length);
}
