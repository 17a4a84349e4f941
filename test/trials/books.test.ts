import test from 'ava';
import { Books, type Sent } from '../../scripts/trials/books.ts';
import { DETAILS_MAX, Findings, type Invariant } from '../../scripts/trials/findings.ts';
import { dataOf } from '../../scripts/trials/message-book.ts';

const sent = (id: string, more: Partial<Sent> = {}): Sent => ({
  session: 'app',
  id,
  receipt: false,
  expect: 'ack',
  ...more,
});
const inGroup = (n: number): Sent => sent(`g${n}`, { group: { name: 'g', n } });

/** Books whose clock stands still until a test moves it, and shorthands for what happens. */
function witness(windowMs = Number.POSITIVE_INFINITY) {
  let now = 0;
  const books = new Books({ windowMs, now: () => now });
  const arrive = (message: Sent, wire = `w-${message.id}`) => books.journal(['in', wire, dataOf(message)]);
  const answer = (message: Sent, code: string | null = null) => books.journal(['out', `w-${message.id}`, code]);
  return {
    books,
    arrive,
    answer,
    outcome: (message: Sent, sequence: number, kind = 'ack') => books.outcome('app', message.id, sequence, kind),
    /** The whole way of a message. */
    deliver(message: Sent, sequence: number) {
      books.submit(message);
      books.taken('app', [message.id]);
      arrive(message);
      answer(message);
      books.outcome('app', message.id, sequence, 'ack');
    },
    pass: (ms: number) => {
      now += ms;
    },
    violated(): Invariant[] {
      books.close();
      return books.findings.violated;
    },
  };
}

type Witness = ReturnType<typeof witness>;

/** Histories in which all is well, however untidy they look. */
const good: Readonly<Record<string, (w: Witness) => void>> = {
  'a plain day': (w) => {
    w.deliver(sent('a'), 1);
    w.books.offered('app', 'u');
    w.books.journal(['up', 'device', 'u']);
    w.books.upstreamCame('app', 'u', 2);
    w.books.journal(['ack', 'device', 'u']);
  },
  'an outcome is repeated under its number, a message arrives twice': (w) => {
    w.deliver(sent('a'), 1);
    w.arrive(sent('a'));
    w.outcome(sent('a'), 1);
  },
  'an outcome comes under another number, because the message was submitted again': (w) => {
    w.deliver(sent('a'), 1);
    w.books.submit(sent('a'));
    w.outcome(sent('a'), 2);
  },
  'a group goes on after a nack for later and a repeat': (w) => {
    for (const n of [0, 1, 2]) w.books.submit(inGroup(n));
    w.arrive(inGroup(0));
    w.answer(inGroup(0), 'SERVICE_UNAVAILABLE');
    w.arrive(inGroup(0));
    w.answer(inGroup(0));
    w.arrive(inGroup(1));
    w.arrive(inGroup(0));
    w.answer(inGroup(1), 'BAD_REGISTRATION');
    w.arrive(inGroup(2));
    for (const n of [0, 1, 2]) w.outcome(inGroup(n), n + 1);
  },
  'numbers come in another order over several connections': (w) => {
    for (const id of ['a', 'b', 'c']) w.books.submit(sent(id));
    for (const id of ['a', 'b', 'c']) w.arrive(sent(id));
    w.outcome(sent('a'), 3);
    w.outcome(sent('b'), 1);
    w.outcome(sent('c'), 2);
  },
  'a receipt of a service that was killed is not missed': (w) => {
    w.books.submit(sent('a', { receipt: true }));
    w.arrive(sent('a'));
    w.answer(sent('a'));
    w.outcome(sent('a'), 1);
    w.books.journal(['up', 'gcm', 'dr2:w-a']);
    w.books.journal(['start']);
  },
};

for (const [title, history] of Object.entries(good)) {
  test(`no violation: ${title}`, (t) => {
    const w = witness();
    history(w);
    t.deepEqual(w.violated(), [], w.books.findings.table());
  });
}

/** Histories with one violation each, and the invariants that must notice. */
const bad: Readonly<Record<string, readonly [Invariant, (w: Witness) => void]>> = {
  'a taken message never arrives': [
    'arrival',
    (w) => {
      w.books.submit(sent('a'));
      w.books.taken('app', ['a']);
      w.outcome(sent('a'), 1);
    },
  ],
  'a message gets no outcome': [
    'outcome',
    (w) => {
      w.books.submit(sent('a'));
      w.books.taken('app', ['a']);
      w.arrive(sent('a'));
    },
  ],
  'an outcome comes again under another number, unasked': [
    'outcome',
    (w) => {
      w.deliver(sent('a'), 1);
      w.outcome(sent('a'), 2);
    },
  ],
  'an outcome changes its mind': [
    'outcome',
    (w) => {
      w.deliver(sent('a'), 1);
      w.outcome(sent('a'), 1, 'BAD_REGISTRATION');
    },
  ],
  'a refusal of the service becomes an ack': [
    'outcome',
    (w) => {
      w.books.submit(sent('a', { expect: 'BAD_REGISTRATION' }));
      w.arrive(sent('a'));
      w.outcome(sent('a'), 1);
    },
  ],
  'an upstream message is acked and gets lost': [
    'upstream',
    (w) => {
      w.books.offered('app', 'u');
      w.books.journal(['ack', 'device', 'u']);
    },
  ],
  'an upstream message comes as two frames': [
    'upstream',
    (w) => {
      w.books.offered('app', 'u');
      w.books.upstreamCame('app', 'u', 1);
      w.books.upstreamCame('app', 'u', 2);
    },
  ],
  'a receipt is acked and gets lost': [
    'upstream',
    (w) => {
      w.deliver(sent('a', { receipt: true }), 1);
      w.books.journal(['up', 'gcm', 'dr2:w-a']);
      w.books.journal(['ack', 'gcm', 'dr2:w-a']);
    },
  ],
  'a receipt comes as two frames': [
    'upstream',
    (w) => {
      w.deliver(sent('a', { receipt: true }), 1);
      w.books.receiptCame('app', 'a', 2);
      w.books.receiptCame('app', 'a', 3);
    },
  ],
  'a message overtakes another of its group': [
    'group',
    (w) => {
      for (const n of [0, 1, 2]) w.books.submit(inGroup(n));
      for (const n of [0, 2, 1]) {
        w.arrive(inGroup(n));
        w.answer(inGroup(n));
      }
      for (const n of [0, 1, 2]) w.outcome(inGroup(n), n + 1);
    },
  ],
  'a group does not begin with its first message': [
    'group',
    (w) => {
      w.books.submit(inGroup(1));
      w.arrive(inGroup(1));
      w.outcome(inGroup(1), 1);
    },
  ],
  'a message arrives before the outcome of the one before': [
    'group',
    (w) => {
      for (const n of [0, 1]) w.books.submit(inGroup(n));
      w.arrive(inGroup(0));
      w.answer(inGroup(0), 'SERVICE_UNAVAILABLE');
      w.arrive(inGroup(1));
      for (const n of [0, 1]) w.outcome(inGroup(n), n + 1);
    },
  ],
  'a message arrives under a second id': [
    'identity',
    (w) => {
      w.deliver(sent('a'), 1);
      w.arrive(sent('a'), 'w-2');
    },
  ],
  'two messages arrive under one id': [
    'identity',
    (w) => {
      w.deliver(sent('a'), 1);
      w.books.submit(sent('b'));
      w.arrive(sent('b'), 'w-a');
      w.outcome(sent('b'), 2);
    },
  ],
  'a number is used for something else': [
    'identity',
    (w) => {
      w.deliver(sent('a'), 1);
      w.deliver(sent('b'), 1);
    },
  ],
  'a number does not grow': [
    'identity',
    (w) => {
      w.deliver(sent('a'), 2);
      w.deliver(sent('b'), 1);
    },
  ],
  'a number is never seen': ['identity', (w) => w.deliver(sent('a'), 2)],
  'an outcome for a message that nobody sent': ['invention', (w) => w.outcome(sent('a'), 1)],
  'a taken message that nobody sent': ['invention', (w) => w.books.taken('app', ['a'])],
  'a message arrives that nobody sent': ['invention', (w) => w.arrive(sent('a'))],
  'a message arrives altered': [
    'invention',
    (w) => {
      w.deliver(sent('a'), 1);
      w.books.journal(['in', 'w-a', { ...dataOf(sent('a')), text: 'Hello' }]);
    },
  ],
  'an upstream message that nobody sent': ['invention', (w) => w.books.upstreamCame('app', 'u', 1)],
  'an upstream message comes to the wrong session': [
    'invention',
    (w) => {
      w.books.offered('other', 'u');
      w.books.upstreamCame('app', 'u', 1);
    },
  ],
  'a receipt that nobody asked for': [
    'invention',
    (w) => {
      w.deliver(sent('a'), 1);
      w.books.receiptCame('app', 'a', 2);
    },
  ],
};

for (const [title, [invariant, history]] of Object.entries(bad)) {
  test(`violation noticed: ${title}`, (t) => {
    const w = witness();
    history(w);
    t.deepEqual(w.violated(), [invariant], w.books.findings.table());
    t.regex(w.books.findings.table(), new RegExp(`\n {2}${invariant}: .`), 'and told in words');
  });
}

test('what is settled is judged and forgotten after the window, and noticed if it comes again later', (t) => {
  const w = witness(1_000);
  for (let n = 1; n <= 100; n++) w.deliver(sent(`a${n}`), n);
  w.books.submit(sent('open'));
  w.pass(1_000);
  w.books.forget();
  t.true(w.books.size > 200, 'not a millisecond early');
  w.pass(1);
  w.books.forget();
  t.is(w.books.size, 1, 'what is open stays');
  t.is(w.books.findings.checked('arrival'), 100);
  w.outcome(sent('open'), 1);
  w.arrive(sent('open'));
  t.deepEqual(w.violated(), ['identity']);
  const late = witness(1_000);
  late.deliver(sent('a'), 1);
  late.pass(1_001);
  late.books.forget();
  late.arrive(sent('a'));
  t.deepEqual(late.violated(), ['invention']);
});

test('an upstream message whose ack is not yet in the journal is not forgotten', (t) => {
  const w = witness(1_000);
  w.books.offered('app', 'u');
  w.books.upstreamCame('app', 'u', 1);
  w.pass(5_000);
  w.books.forget();
  t.true(w.books.upstream.isOpen('u'));
  w.books.journal(['ack', 'device', 'u']);
  w.pass(5_000);
  w.books.forget();
  t.is(w.books.upstream.size, 0);
  t.deepEqual(w.violated(), []);
});

test('of many violations the first are told and all are counted', (t) => {
  const told: string[] = [];
  const findings = new Findings((_, what) => told.push(what));
  for (let n = 0; n < DETAILS_MAX + 5; n++) findings.check('arrival', false, () => `${n}`);
  t.deepEqual(told, [...findings.details('arrival')]);
  t.is(told.length, DETAILS_MAX);
  t.regex(findings.table(), new RegExp(`\\narrival +${DETAILS_MAX + 5} +${DETAILS_MAX + 5} `));
});
