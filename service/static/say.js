// The language of the page, and how it writes words, numbers and times in it.

import { CAUSES, DETAIL, SENTENCE, UNKNOWN } from './causes.js';
import { WORDS } from './words.js';

let language = localStorage.getItem('language') ?? (navigator.language.startsWith('ja') ? 'ja' : 'en');

export const current = () => language;

export function switchLanguage() {
  language = language === 'ja' ? 'en' : 'ja';
  localStorage.setItem('language', language);
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');

export const say = (key, values = {}) => fill(WORDS[language][key], values);

export const sayCondition = (kind, values) => fill(WORDS[language].conditions[kind], values);
export const sayStart = (state) => WORDS[language].starts[state];

/** What is said of a problem in the language of the page. */
export const sayProblem = ({ texts }) => texts[language];
/** The names that a list of words has. Japanese has a word for each of them. */
export const words = (list) => Object.keys(WORDS.ja[list]);

/** Name a type, a mode or a job; a name that no list has is shown as it is. */
export function named(kinds, name) {
  return [kinds].flat().map((kind) => WORDS[language][kind][name]).find(Boolean) ?? name.replaceAll('_', ' ');
}

/** Say a text of the engine: phrases that have words are said in these, and all else is shown as it is. */
export function sayText(text) {
  return Object.entries(WORDS[language].phrases).reduce((said, [phrase, to]) => {
    const pattern = new RegExp(phrase.replace(/\{(\w+)\}/g, (_, name) => `(?<${name}>${name === 'count' ? '\\d+' : '\\S+'})`), 'g');
    return said.replace(pattern, (...match) => {
      const { bucket, table, ...values } = match.at(-1);
      return fill(to, { ...values, bucket: bucket && named('buckets', bucket), table: table && named('types', table) });
    });
  }, text);
}

/** Say why something failed: in English as it was recorded, in Japanese by its cause, as `in_words` of resources/problems/causes.py does. */
export function sayCause(error) {
  if (!error) return say('noCause');
  if (language === 'en') return error;
  const [, cause] = CAUSES.find(([pattern]) => new RegExp(pattern).test(error)) ?? [];
  if (!cause && !new RegExp(SENTENCE).test(error)) return error;
  const detail = error.match(DETAIL);
  return `${cause ?? UNKNOWN}${detail ? `(${detail[0]})` : ''}`;
}

/** Say an error of the API by its code; one that has no words is said in those of the service. */
export function sayError(error) {
  const text = WORDS[language].errors[error.code];
  if (!text) return language === 'en' ? `${error.message} ${error.hint}` : WORDS.ja.errors.unexpected;
  return fill(text, language === 'en' ? error : { ...error, message: sayCause(error.message) });
}

const DAY = 24 * 3600 * 1000;

export const number = (value) => new Intl.NumberFormat(language).format(value);
export const percent = (value) => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(value);
export const moment = (text) => new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' }).format(new Date(text));
export const clock = (text) => new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(new Date(text));
/** Write a time of the last day without its date. */
export const lately = (text) => (Date.now() - new Date(text) < DAY ? clock(text) : moment(text));

/** Write the hour and the minute of an instant. */
export const hour = (date) => new Intl.DateTimeFormat(language, { timeStyle: 'short' }).format(date);

/** Write when something will be: today without its date. */
export function due(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return today ? hour(date) : new Intl.DateTimeFormat(language, { month: 'numeric', day: 'numeric', hour: 'numeric', minute: '2-digit' }).format(date);
}

export function duration(seconds) {
  if (seconds === null) return '–';
  const [, unit] = [[60, 'second'], [3600, 'minute'], [Infinity, 'hour']].find(([limit]) => seconds < limit);
  const value = seconds / { second: 1, minute: 60, hour: 3600 }[unit];
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value);
}
