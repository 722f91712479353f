// Draws the last 24 hours: a bar for each half hour, and figures.

import { drawTable, joined, make } from './draw.js';
import { duration, hour, named, number, percent, say, some } from './say.js';

/** Hours between the times below the bars. */
const AXIS_HOURS = 6;

/** Draw a bar for each half hour: full where runs were at work, red where one failed. */
export function drawBars(place, { since, until, slot_seconds, slots }) {
  place.hidden = !slots.length;
  const first = new Date(since).getTime();
  const step = slot_seconds * 1000;
  const halves = Array.from({ length: Math.round((new Date(until) - first) / step) }, (_, i) => {
    const start = new Date(first + i * step);
    const mine = slots.filter((slot) => new Date(slot.start) - start === 0);
    const sum = (name) => mine.reduce((all, slot) => all + slot[name], 0);
    return { start, runs: sum('runs'), failed: sum('failed'), running: sum('running') };
  });
  const working = halves.filter(({ runs }) => runs);
  const bars = halves.map(({ start, runs, failed, running }) => make('i', {
    className: failed ? 'failed' : running ? 'running' : runs ? 'completed' : '',
    title: [
      `${hour(start)}–${hour(new Date(start.getTime() + step))}`,
      runs && say('runCount', { count: number(runs) }),
      failed && say('failedCount', { count: number(failed) }),
    ].filter(Boolean).join(' · '),
  }));
  const said = say('bars', {
    halves: number(working.length),
    failed: number(working.reduce((all, { failed }) => all + failed, 0)),
  });
  const times = Array.from({ length: 24 / AXIS_HOURS }, (_, i) => (
    hour(new Date(first + i * AXIS_HOURS * 3_600_000))));
  place.replaceChildren(
    make('div', { className: 'bars', role: 'img', ariaLabel: said }, ...bars),
    make('p', { className: 'axis soft', ariaHidden: 'true' }, ...[...times, say('now')].map(
      (textContent) => make('span', { textContent }))),
  );
}

export function drawStats(place, { total }) {
  const { runs, success_rate, failed, items, requests } = total;
  place.replaceChildren(...joined(
    runs && say('runCount', { count: number(runs) }),
    success_rate !== null && say('successRate', { rate: percent(success_rate) }),
    failed && make('span', {
      className: 'failed', textContent: say('failedCount', { count: number(failed) }),
    }),
    items && say('itemCount', { count: number(items) }),
    requests && say('requestCount', { count: number(requests) }),
  ));
}

export function drawByType(table, { by_type }) {
  const columns = [
    ['type', ''], ['runs', 'number'], ['failed', 'number'], ['mean', 'number'],
    ['longest', 'number'], ['items', 'number'], ['requests', 'number'],
  ];
  drawTable(table, columns, by_type.map((one) => [
    named(['types', 'jobs'], one.type), some(one.runs), some(one.failed),
    duration(one.mean_seconds), duration(one.longest_seconds), some(one.items), some(one.requests),
  ]), say('noneToday'));
}
