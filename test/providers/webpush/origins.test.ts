import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { type Entry, Origins, type Place } from '../../../src/providers/webpush/origins.ts';

const A = 'https://a.example';
const B = 'https://b.example';

function setup({ max = 1_000, perOrigin = 100 } = {}) {
  const clock = new ManualClock();
  const events: string[] = [];
  let told = 0;
  const origins = new Origins({
    clock,
    random: () => 0,
    log: silentLog,
    max,
    perOrigin,
    count: (event) => events.push(event),
    onRoom: () => told++,
  });
  const place = (name: string): Place => {
    const entry = origins.enter(name);
    if (entry.kind !== 'place') throw new Error(`${name} is ${entry.kind}`);
    return entry.place;
  };
  const kinds = (name: string, count: number): Entry['kind'][] =>
    Array.from({ length: count }, () => origins.enter(name).kind);
  return { clock, events, origins, place, kinds, told: () => told };
}

/** Lets a service grow to its limit by good answers. */
function grow({ origins, place }: ReturnType<typeof setup>, name: string, answers = 200): void {
  for (let n = 0; n < answers; n++) origins.answered(place(name));
}

test('a service that is not known gets 16 messages, and one more with each answer up to its limit', (t) => {
  const { origins, place, kinds } = setup({ perOrigin: 18 });
  const first = Array.from({ length: 16 }, () => place(A));
  t.is(origins.enter(A).kind, 'full');
  t.is(origins.enter(B).kind, 'place', 'the others have their own');
  for (const one of first) origins.answered(one);
  t.deepEqual(kinds(A, 19), [...Array<'place'>(18).fill('place'), 'full']);
});

test('a limit below 16 counts from the beginning', (t) => {
  const { kinds } = setup({ perOrigin: 2 });
  t.deepEqual(kinds(A, 3), ['place', 'place', 'full']);
});

test('room ends with the sum of all, and comes back', (t) => {
  const { origins, place } = setup({ max: 3, perOrigin: 3 });
  const places = [place(A), place(B), place(B)];
  t.is(origins.room, 0);
  t.is(origins.inFlight, 3);
  for (const one of places) origins.answered(one);
  t.is(origins.room, 3);
  t.is(origins.inFlight, 0);
});

test('a fast service at its limit has nobody put off: there is room when it has a place', async (t) => {
  const bench = setup();
  const { origins, clock, place } = bench;
  grow(bench, A);
  const places = Array.from({ length: 100 }, () => place(A));
  t.is(origins.room, 0);
  const [one] = places;
  if (one) origins.answered(one);
  t.is(origins.room, 1);
  place(A);
  await clock.advance(1_001);
  t.is(origins.room, 50, 'no answers for a second: it is fast no more');
});

test('a service that takes nothing more does not hold up the others, and costs only so much', async (t) => {
  const { origins, clock, place, kinds, events, told } = setup();
  for (let n = 0; n < 16; n++) place(A);
  t.is(origins.room, 50);
  t.deepEqual(new Set(kinds(A, 51)), new Set(['full']));
  t.is(events.filter((event) => event === 'origin_full').length, 51);
  t.is(origins.room, 0, 'enough was put off for now');
  const before = told();
  await clock.advance(100);
  t.true(told() > before, 'whoever waits is told');
  t.is(origins.room, 50);
  t.is(origins.enter(B).kind, 'place');
});

test('a message to somebody else, while one is near its limit, makes whoever hands them over look again', (t) => {
  const bench = setup();
  const { origins, place, told } = bench;
  for (let n = 0; n < 15; n++) place(A);
  t.is(origins.room, 1);
  const before = told();
  place(B);
  t.is(told(), before + 1);
  t.is(origins.room, 1);
});

test('three silences in a row, and a service is left alone; then one message tries', async (t) => {
  const { origins, clock, place, events } = setup();
  for (let n = 0; n < 3; n++) {
    origins.silent(place(A), 'no answer');
  }
  t.like(origins.enter(A), { kind: 'down', because: 'no answer' });
  t.deepEqual(events, ['origin_down']);
  t.deepEqual(origins.report, { known: 1, down: 1 });
  t.is(origins.enter(B).kind, 'place');
  await clock.advance(500);
  const probe = place(A);
  t.is(origins.enter(A).kind, 'down', 'one at a time');
  origins.silent(probe, 'no answer again');
  t.like(origins.enter(A), { kind: 'down', because: 'no answer again' });
  await clock.advance(1_000);
  origins.answered(place(A));
  t.is(origins.enter(A).kind, 'place');
  t.is(origins.report.down, 0);
});

test('messages that are lost together are one misfortune, which halves what may be under way', (t) => {
  const { origins, place, kinds } = setup();
  const places = Array.from({ length: 10 }, () => place(A));
  for (const one of places) origins.silent(one, 'cut');
  t.deepEqual(kinds(A, 9), [...Array<'place'>(8).fill('place'), 'full']);
});

test('an answer in between begins the count anew', (t) => {
  const { origins, place } = setup();
  for (let n = 0; n < 6; n++) {
    if (n % 2 === 0) origins.silent(place(A), 'no answer');
    else origins.answered(place(A));
  }
  t.is(origins.enter(A).kind, 'place');
});

test('a service that can not do its work gets less, and is not given up', (t) => {
  const bench = setup();
  const { origins, place, kinds } = bench;
  grow(bench, A);
  for (let n = 0; n < 5; n++) origins.erred(place(A), 'HTTP 503');
  t.deepEqual(kinds(A, 4), ['place', 'place', 'place', 'full']);
});

test('one that was given up is not back with an error', async (t) => {
  const { origins, clock, place } = setup();
  for (let n = 0; n < 3; n++) origins.silent(place(A), 'no answer');
  await clock.advance(500);
  origins.erred(place(A), 'HTTP 503', 5_000);
  await clock.advance(4_999);
  t.like(origins.enter(A), { kind: 'down', because: 'HTTP 503' });
  await clock.advance(1);
  t.is(origins.enter(A).kind, 'place');
});

test('an attempt that asked nothing of the service gives its turn back', async (t) => {
  const { origins, clock, place } = setup();
  for (let n = 0; n < 3; n++) origins.silent(place(A), 'no answer');
  await clock.advance(500);
  origins.abandoned(place(A));
  t.is(origins.enter(A).kind, 'place');
});

test('a thousand services are remembered, those with messages under way besides; none keeps a timer', (t) => {
  const { origins, clock, place } = setup({ max: 10_000 });
  const busy = place(A);
  for (let n = 0; n < 3; n++) origins.silent(place(B), 'no answer');
  t.is(clock.waiting, 1);
  for (let n = 0; n < 1_500; n++) origins.answered(place(`https://n${n}.example`));
  t.is(origins.report.known, 1_000);
  t.is(clock.waiting, 0, 'the one that was down is forgotten');
  origins.answered(busy);
  t.is(origins.inFlight, 0);
});

test('stopping ends all timers', async (t) => {
  const { origins, clock, place, kinds } = setup();
  for (let n = 0; n < 3; n++) origins.silent(place(B), 'no answer');
  for (let n = 0; n < 16; n++) place(A);
  kinds(A, 60);
  t.is(origins.room, 0);
  t.true(clock.waiting > 0);
  origins.stop();
  t.is(clock.waiting, 0);
  t.is(origins.room, 0);
  t.is(clock.waiting, 0);
});
