// Draws the last 24 hours: a line of half hours for each kind of runs, and figures.

import { drawTable, drawTiles, make } from './draw.js';
import { duration, hour, named, number, percent, say } from './say.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDE = 10, HIGH = 16;
/** Hours between the times below the lines. */
const AXIS_HOURS = 6;

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Draw a line for each kind of runs, the busiest first; every half hour in which some were at work is a bar, red where one failed. */
export function drawTimeline(place, { since, until, slot_seconds, slots }) {
  const first = new Date(since).getTime(), step = slot_seconds * 1000;
  const many = Math.round((new Date(until) - first) / step);
  const kinds = new Map();
  for (const slot of slots) kinds.set(slot.kind, [...kinds.get(slot.kind) ?? [], slot]);
  const lanes = [...kinds].toSorted(([, a], [, b]) => b.length - a.length).map(([kind, mine]) => {
    const name = named(['jobs', 'types'], kind);
    const bars = mine.map((slot) => shape('rect', {
      x: Math.round((new Date(slot.start) - first) / step) * WIDE + 1, y: 1, width: WIDE - 2, height: HIGH - 2, rx: 1,
      class: slot.failed ? 'failed' : slot.running ? 'running' : 'completed',
    }, shape('title', {}, `${span(slot, step)} ${sayRuns(slot)}`)));
    const failed = mine.reduce((sum, slot) => sum + slot.failed, 0);
    const picture = shape('svg', { viewBox: `0 0 ${many * WIDE} ${HIGH}`, preserveAspectRatio: 'none', role: 'img',
      'aria-label': say('lane', { name, halves: number(mine.length), failed: number(failed) }) },
    shape('line', { x1: 0, x2: many * WIDE, y1: HIGH - 0.5, y2: HIGH - 0.5, class: 'base' }), ...bars);
    return make('div', { className: 'lane' }, make('span', { textContent: name }), picture);
  });
  if (!lanes.length) {
    place.replaceChildren(make('p', { className: 'soft', textContent: say('noneToday') }));
    return;
  }
  const times = Array.from({ length: 24 / AXIS_HOURS }, (_, i) => hour(new Date(first + i * AXIS_HOURS * 3_600_000)));
  const axis = make('div', { className: 'lane axis', ariaHidden: 'true' }, make('span'),
    make('div', {}, ...[...times, say('now')].map((textContent) => make('span', { textContent }))));
  const legend = make('p', { className: 'legend soft' }, ...['completed', 'failed', 'running'].map((look) => make('span', {},
    make('i', { className: look, ariaHidden: 'true' }), ` ${say(look)}`)));
  place.replaceChildren(...lanes, axis, legend);
}

const span = ({ start }, step) => `${hour(new Date(start))}–${hour(new Date(new Date(start).getTime() + step))}`;
const sayRuns = ({ runs, failed, running }) => [say('runCount', { count: number(runs) }), failed && say('failedCount', { count: number(failed) }),
  running && say('running')].filter(Boolean).join(' · ');

/** The same as a table, for those who do not see the picture. */
export function drawSlots(table, { slots, slot_seconds }) {
  const newest = slots.toSorted((a, b) => new Date(b.start) - new Date(a.start));
  drawTable(table, [['time', ''], ['type', ''], ['runs', 'number'], ['failed', 'number']], newest.map((slot) => [
    span(slot, slot_seconds * 1000), named(['jobs', 'types'], slot.kind), number(slot.runs), [number(slot.failed), slot.failed ? 'failed' : ''],
  ]), say('noneToday'));
}

export function drawStats(place, { total }) {
  drawTiles(place, [
    ['runs', number(total.runs)],
    ['successRate', total.success_rate === null ? '–' : percent(total.success_rate)],
    ['failed', number(total.failed), total.failed ? 'failed' : ''],
    ['mean', duration(total.mean_seconds)],
    ['items', number(total.items)],
    ['requests', number(total.requests)],
  ]);
}

export function drawByType(table, { by_type }) {
  const columns = [['type', ''], ['runs', 'number'], ['failed', 'number'], ['mean', 'number'], ['longest', 'number'], ['items', 'number'],
    ['requests', 'number']];
  drawTable(table, columns, by_type.map((one) => [
    named(['types', 'jobs'], one.type), number(one.runs), number(one.failed), duration(one.mean_seconds), duration(one.longest_seconds),
    number(one.items), number(one.requests),
  ]), say('noneToday'));
}
