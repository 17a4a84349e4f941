/**
 * FCM in trouble, seen from the whole bridge: the queue is held, the operator is told, and each message has one outcome.
 * One story after the other, because deadlines are short.
 */
import test, { type ExecutionContext } from 'ava';
import type { FcmEmulatorInput } from '../../../src/emulator/index.ts';
import { downstream, type Json } from '../../doors/bal/harness.ts';
import { collect, Story } from '../harness.ts';
import { certificateOfToday, startFcm } from '../services.ts';
import { Books, until } from './books.ts';

/** Waits are short here: what is tried again is tried soon. */
const RETRY = { base: '50ms', cap: '500ms' };

interface Given {
  readonly emulator?: FcmEmulatorInput;
  /** Keys of the provider, as written in a configuration. */
  readonly provider?: Json;
}

/** Token, data and number of repeats of each message, as FCM has received them. */
class Received {
  readonly times = new Map<string, number>();
  readonly answers = new Map<string, number>();

  readonly watch = {
    received: (_: string, body: string) => this.#count(this.times, body),
    answered: (_: string, body: string, code: string | undefined) => {
      if (code === undefined) this.#count(this.answers, body);
    },
  };

  #count(counts: Map<string, number>, body: string): void {
    const { n } = (JSON.parse(body) as { message: { data: { n: string } } }).message.data;
    counts.set(n, (counts.get(n) ?? 0) + 1);
  }
}

async function begin(t: ExecutionContext, { emulator, provider }: Given = {}) {
  const received = new Received();
  const service = await startFcm(t, emulator, { watch: received.watch });
  const options: Record<string, unknown> = { ...service.provider, quota: { ramp_up: 0 }, ...provider };
  const story = await Story.start({ config: { providers: { fcm: options }, retry: RETRY } });
  t.teardown(() => story.stop());
  const part = async () => {
    const { parts } = (await (await story.admin('/readyz')).json()) as {
      parts: Record<string, { state: string; detail?: string; facts: Record<string, unknown> }>;
    };
    return parts['provider fcm'] ?? t.fail('no provider in /readyz');
  };
  await until(async () => (await part()).state === 'ok', 'a connection and a token');
  const books = await Books.open(story);
  return {
    story,
    service,
    received,
    options,
    books,
    /** The provider as `/readyz` shows it. */
    part,
    /** Waits until `/readyz` shows this trouble, while it says that the bridge is ready all the same. */
    async trouble(words: RegExp, state = 'down') {
      let found: unknown;
      await until(async () => {
        const now = await part();
        found = now;
        return now.state === state && words.test(now.detail ?? '');
      }, `${state} ${words}`).catch((error) => {
        throw new Error(`${error.message}; ${JSON.stringify(found)}`);
      });
      t.is((await story.admin('/readyz')).status, 200);
    },
    /** All is well: every message has been acknowledged once, and FCM has taken each. */
    async allDelivered() {
      await books.check(t);
      t.deepEqual(
        books.sent.filter((id) => !received.answers.has(id)),
        [],
        'messages that were acknowledged and that FCM has not taken',
      );
      await until(async () => (await part()).state === 'ok', 'health');
      t.is((await part()).facts.used, 0);
    },
  };
}

test.serial('the network goes and comes back: what was taken meanwhile is delivered', async (t) => {
  const s = await begin(t, { emulator: { latency: '5ms' } });
  s.books.send(600);
  await until(() => s.received.answers.size > 100, 'some messages');
  await s.service.goAway();
  await s.trouble(/ECONNREFUSED/);
  s.books.send(400);
  await until(() => s.books.taken === 1_000, 'the bridge takes all');
  const { size } = s.received.times;
  await s.service.comeBack();
  await s.allDelivered();
  t.true(size < 1_000);
});

test.serial(
  'the name of the service leads nowhere: all is kept, over a restart too, and delivered when the name is right',
  async (t) => {
    const s = await begin(t);
    const { url } = s.options;
    await s.story.stopBridge();
    s.options.url = 'https://no-such-host.invalid';
    await s.story.startBridge();
    const books = await Books.open(s.story);
    books.send(200);
    await s.trouble(/ENOTFOUND no-such-host\.invalid|EAI_AGAIN no-such-host\.invalid/);
    await until(() => books.taken === 200, 'the bridge takes all');
    t.is(books.fates.size, 0);
    await s.story.stopBridge();
    s.options.url = url;
    await s.story.startBridge();
    const later = await Books.open(s.story);
    await until(() => later.fates.size === 200, 'their outcomes');
    await later.sync();
    t.true([...later.fates.values()].every((fates) => fates.length === 1 && fates[0]?.kind === 'ack'));
    t.is(s.received.answers.size, 200);
  },
);

test.serial('somebody else answers at the address: his certificate is not taken', async (t) => {
  const s = await begin(t, { emulator: { latency: '5ms' } });
  s.books.send(300);
  await until(() => s.received.answers.size > 50, 'some messages');
  await s.service.goAway();
  await s.service.comeBack({}, { certificate: certificateOfToday() });
  await s.trouble(/self-signed|unable to verify|signature/);
  s.books.send(100);
  await until(() => s.books.taken === 400, 'the bridge takes all');
  await s.service.goAway();
  await s.service.comeBack();
  await s.allDelivered();
});

test.serial('TLS is refused', async (t) => {
  const s = await begin(t);
  s.service.control.setFaults({ refuse_tls: true });
  s.service.control.drop('all', 'rst');
  s.books.send(300);
  await s.trouble(/disconnected before secure TLS|ECONNRESET/);
  t.is(s.books.fates.size, 0);
  s.service.control.setFaults({ refuse_tls: false });
  await s.allDelivered();
  t.is(s.service.control.stats().repeated, 0);
});

for (const [what, instead, words] of [
  ['401', 'bare_401', /HTTP 401/],
  ['403', 'bare_403', /^this account may not send.*HTTP 403/],
  ['404', 'bare_404', /^no such project.*HTTP 404/],
] as const) {
  test.serial(`a bare ${what} is nobody's fault among the messages: they wait until it is mended`, async (t) => {
    const s = await begin(t);
    s.service.control.setFaults({ instead });
    s.books.send(300);
    await s.trouble(words);
    await until(() => s.books.taken === 300, 'the bridge takes all');
    await s.books.sync();
    t.is(s.books.fates.size, 0);
    s.service.control.setFaults({ instead: 'nothing' });
    await s.allDelivered();
    // The first of a full connection were on their way; afterwards one at a time.
    t.true(s.service.control.stats().requests < 300 + 3 * 100);
  });
}

test.serial('a proxy answers with a page: all are tried again', async (t) => {
  const s = await begin(t);
  s.service.control.setFaults({ instead: 'html_502' });
  s.books.send(300);
  await until(() => Number(s.service.control.stats().errors.html_502) > 300, 'pages');
  t.is(s.books.fates.size, 0);
  s.service.control.setFaults({ instead: 'nothing' });
  await s.allDelivered();
});

test.serial('answers beyond the deadline, halves of answers and none at all among good ones', async (t) => {
  const s = await begin(t, {
    emulator: { latency: '2ms', slow: '3s' },
    provider: { deadline: '400ms' },
  });
  const faults = ['fault:slow:1', 'fault:half:1', 'fault:silent:1'];
  s.books.send(600, (n) => (n % 100 === 9 ? { to: faults[((n / 100) % 3) | 0] } : { to: `device-${n}` }));
  await s.allDelivered();
  t.true((await s.story.metric('pushbridge_provider_events_total{provider="fcm",event="late"}')) >= 6);
});

test.serial(
  'no answers any more: the service is left alone but for one message at a time, and found again',
  async (t) => {
    const s = await begin(t, { provider: { deadline: '300ms' } });
    s.service.control.setFaults({ stall: true });
    s.books.send(400);
    await s.trouble(/^no answers: no complete answer within 300 ms/);
    t.is(s.books.fates.size, 0);
    s.service.control.setFaults({ stall: false });
    await s.allDelivered();
  },
);

test.serial('a storm of GOAWAY, RST_STREAM and lost connections', async (t) => {
  const s = await begin(t, {
    emulator: { latency: '3ms', latency_spread: '10ms', goaway_after: 130, drop_after: 400 },
  });
  const faults = [
    'fault:reset:1',
    'fault:refused:2',
    'fault:goaway:1',
    'fault:drop:1',
    'fault:poison:1',
    'fault:drain',
  ];
  s.books.send(2_000, (n) => (n % 50 === 7 ? { to: faults[((n - 7) / 50) % 6] } : { to: `device-${n}` }));
  for (let i = 1; i <= 5; i++) {
    await until(() => s.received.answers.size > i * 300, 'progress');
    s.service.control.goaway('all', 'max_age');
    if (i % 2 === 0) s.service.control.drop('all', 'rst');
  }
  await s.allDelivered();
  const { goaways, resets, drops, breaches } = s.service.control.stats();
  t.true(goaways > 10 && resets > 10 && drops >= 2, JSON.stringify([goaways, resets, drops]));
  t.is(breaches, 0);
});

test.serial(
  'over the quota of the project: all wait, the operator sees it, and it goes on when the time has come',
  async (t) => {
    const s = await begin(t, { emulator: { quota_per_minute: 200, retry_after: '2' } });
    s.books.send(500);
    await s.trouble(/^over the quota of the project, pausing: QUOTA_EXCEEDED/, 'degraded');
    t.is(s.received.answers.size, 200);
    const { requests } = s.service.control.stats();
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.is(s.service.control.stats().requests, requests, 'silence');
    s.service.control.setFaults({ quota_per_minute: 0 });
    await s.allDelivered();
    t.is(s.service.control.stats().repeated, 0);
  },
);

test.serial('our own quota: never more than it grants, and no stall', async (t) => {
  const s = await begin(t, {
    emulator: { quota_per_minute: 1_200 },
    provider: { quota: { per_minute: 1_200, ramp_up: '1s' } },
  });
  s.books.send(60);
  await s.allDelivered();
  s.books.send(30);
  await s.allDelivered();
  t.deepEqual(s.service.control.stats().errors, {});
});

test.serial('tokens end early, again and again', async (t) => {
  const s = await begin(t, { emulator: { latency: '3ms' } });
  s.books.send(2_000);
  for (let i = 1; i <= 4; i++) {
    await until(() => s.received.answers.size > i * 350, 'progress');
    s.service.control.expireTokens();
  }
  await s.allDelivered();
  t.is(s.service.control.stats().repeated, 0);
});

test.serial(
  'stopped in the middle, with answers on their way, and started again: nothing lost, one outcome each',
  async (t) => {
    const s = await begin(t, {
      emulator: { latency: '10ms', latency_spread: '30ms' },
      provider: { connections: { max: 1 } },
    });
    s.books.send(1_500);
    await until(() => s.received.answers.size > 200 && s.books.taken === 1_500, 'some messages');
    s.service.control.setFaults({ hold_answers: true });
    await s.story.stopBridge(300);
    s.service.control.setFaults({ hold_answers: false });
    await s.story.startBridge();
    const after = await Books.open(s.story);
    const fates = () => [...s.books.fates, ...after.fates];
    await until(() => new Set(fates().map(([id]) => id)).size === 1_500, 'all outcomes');
    await after.sync();
    // What had come before the stop and was not acknowledged comes again under its number: the same frame.
    const numbers = new Map<string, Set<number>>();
    for (const [id, all] of fates()) {
      for (const { kind, sequence } of all) {
        t.is(kind, 'ack');
        numbers.set(id, (numbers.get(id) ?? new Set()).add(sequence));
      }
    }
    t.deepEqual(
      [...numbers].filter(([, all]) => all.size > 1),
      [],
    );
    t.is(s.received.answers.size, 1_500);
    const twice = [...s.received.times.values()].filter((times) => times > 1).length;
    t.true(twice <= 100, `${twice} messages in flight at the stop were sent again`);
  },
);

test.serial('two projects: the session says which it may use, DOWNSTREAM which one it is', async (t) => {
  const one = await startFcm(t, { project: 'project-one' });
  const two = await startFcm(t, { project: 'project-two' });
  const fast = { quota: { ramp_up: 0 } };
  const story = await Story.start({
    config: {
      retry: RETRY,
      providers: { one: { ...one.provider, ...fast }, two: { ...two.provider, ...fast } },
    },
    sessions: [
      { id: 'com.example.app' },
      { id: 'com.example.one', providers: ['one'] },
      { id: 'com.example.two', providers: ['two'] },
    ],
  });
  t.teardown(() => story.stop());
  const both = await story.logOn({ window: 100 });
  const onlyOne = await story.logOn({ session_id: 'com.example.one' });
  const onlyTwo = await story.logOn({ session_id: 'com.example.two' });
  for (let n = 0; n < 40; n++) both.send(downstream(`b${n}`, { provider: n % 4 === 0 ? 'two' : 'one' }));
  onlyOne.send(downstream('o'));
  onlyTwo.send(downstream('t'), downstream('no', { provider: 'one' }));
  const acks = await collect(both, 40, 'DOWNSTREAM_ACK');
  for (const { message_id: id, fcm_data: data } of acks) {
    const project = Number(String(id).slice(1)) % 4 === 0 ? 'project-two' : 'project-one';
    t.regex(String((data as Json).name), new RegExp(`^projects/${project}/messages/`));
  }
  t.is((await collect(onlyOne, 1, 'DOWNSTREAM_ACK'))[0]?.message_id, 'o');
  const answers = await collect(onlyTwo, 2, 'DOWNSTREAM_ACK', 'DOWNSTREAM_REJECT');
  t.deepEqual(answers.map(({ message_id: id, message_type: type }) => `${id} ${type}`).toSorted(), [
    'no DOWNSTREAM_REJECT',
    't DOWNSTREAM_ACK',
  ]);
  t.is(one.control.stats().successes, 31);
  t.is(two.control.stats().successes, 11);
  // One project in trouble is one project's trouble.
  two.control.setFaults({ instead: 'bare_403' });
  both.send(downstream('x', { provider: 'two' }), downstream('y', { provider: 'one' }));
  t.is((await collect(both, 1, 'DOWNSTREAM_ACK'))[0]?.message_id, 'y');
  await until(async () => {
    const { parts } = (await (await story.admin('/readyz')).json()) as { parts: Record<string, { state: string }> };
    return parts['provider two']?.state === 'down' && parts['provider one']?.state === 'ok';
  }, 'the trouble of the one');
  two.control.setFaults({ instead: 'nothing' });
  t.is((await collect(both, 1, 'DOWNSTREAM_ACK'))[0]?.message_id, 'x');
});
