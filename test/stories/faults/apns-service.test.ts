import test, { type ExecutionContext } from 'ava';
import type { ApnsEmulatorInput, Http2Watch } from '../../../src/emulator/index.ts';
import type { Json } from '../../doors/bal/harness.ts';
import { Story } from '../harness.ts';
import { APP, startApns } from '../services.ts';
import { Books, until } from './books.ts';

interface Options {
  readonly emulator?: ApnsEmulatorInput;
  /** Keys of the provider. */
  readonly provider?: Json;
}

/** The bridge in front of an emulator of APNs, and books of all messages; all end with the test. */
async function begin(t: ExecutionContext, { emulator, provider }: Options = {}) {
  /** How often each message was taken, by what stands in it. */
  const taken = new Map<string, number>();
  const watch: Http2Watch = {
    answered(_target, body, code) {
      const { n } = JSON.parse(body) as { n: string };
      if (code === undefined) taken.set(n, (taken.get(n) ?? 0) + 1);
    },
  };
  const apns = await startApns(t, emulator, { watch });
  const config = { sessions: [{ id: APP }], providers: { apple: { ...apns.provider, ...provider } } };
  const story = await Story.start({ config, surroundings: { random: () => 0.01 } });
  t.teardown(() => story.stop());
  const books = await Books.open(story);
  const health = async (): Promise<{ state: string; detail?: string }> => {
    const { parts } = (await (await story.admin('/readyz')).json()) as { parts: Record<string, never> };
    return parts['provider apple'] ?? { state: 'unknown' };
  };
  return {
    apns,
    story,
    books,
    config,
    taken,
    health,
    /** Resolves when the health says this; the bridge itself stays in service. */
    async troubled(detail: RegExp): Promise<void> {
      await until(async () => detail.test((await health()).detail ?? ''), `${detail} in the health`);
      t.not((await health()).state, 'ok');
      t.is((await story.admin('/readyz')).status, 200);
    },
    /** Every message was acknowledged once, and none was accepted by the service more often than once but for `again`. */
    async allDelivered(again = 0): Promise<void> {
      await books.check(t);
      t.is((await health()).state, 'ok');
      t.is(taken.size, books.sent.length);
      t.true(Math.max(...taken.values()) <= 1 + again);
      t.is(await story.metric('pushbridge_provider_window_used{provider="apple"}'), 0);
      t.is(apns.control.stats().breaches, 0);
    },
  };
}

const device = (n: number): Json => ({ to: `device-${n}` });

test.serial('the network is gone and comes back', async (t) => {
  const { apns, books, troubled, allDelivered } = await begin(t);
  books.send(300, device);
  await books.settled();
  await apns.goAway();
  books.send(300, device);
  await troubled(/ECONNREFUSED 127\.0\.0\.1/);
  await until(() => books.taken === 600, 'the bridge takes all');
  t.is(books.fates.size, 300);
  await apns.comeBack();
  await allDelivered();
});

test.serial('the network is gone in the middle of many messages', async (t) => {
  const { apns, books, taken, troubled, allDelivered } = await begin(t, { emulator: { latency: '20ms' } });
  books.send(4_000, device, false);
  await until(() => taken.size > 500, 'some');
  await apns.goAway();
  await troubled(/./);
  await apns.comeBack();
  await allDelivered(1); // an answer may have been lost on its way
});

test.serial('while the network is gone, what must go now or never expires', async (t) => {
  const { apns, books, troubled } = await begin(t);
  await apns.goAway();
  await troubled(/ECONNREFUSED/);
  books.send(30, (n) => ({ ...device(n), time_to_live: n % 2 === 0 ? 0 : 600 }), false);
  await books.settled(15);
  await apns.comeBack();
  await books.check(t, (n) => (n % 2 === 0 ? 'EXPIRED' : 'ack'));
});

test.serial('a name that nobody knows; with the right one after a restart everything arrives', async (t) => {
  const { story, books, config, apns, troubled } = await begin(t, { provider: { url: 'https://push.invalid' } });
  await troubled(/push\.invalid: getaddrinfo (?:ENOTFOUND|EAI_AGAIN)/);
  books.send(200, device);
  await until(() => books.taken === 200, 'the bridge takes all');
  t.is(books.fates.size, 0);
  await story.stopBridge();
  books.close();
  config.providers.apple = { ...apns.provider };
  await story.startBridge();
  const later = await Books.open(story);
  await until(() => later.fates.size === 200, 'outcomes');
  t.true([...later.fates.values()].every((fates) => fates.length === 1 && fates[0]?.kind === 'ack'));
  t.is(apns.control.stats().messages, 200);
});

test.serial('TLS is refused', async (t) => {
  const { apns, books, troubled, allDelivered } = await begin(t);
  apns.control.setFaults({ refuse_tls: true });
  apns.control.drop('all');
  await troubled(/ECONNRESET|disconnected before secure/);
  books.send(200, device);
  await until(() => books.taken === 200, 'the bridge takes all');
  apns.control.setFaults({ refuse_tls: false });
  await allDelivered();
});

test.serial('the service does not know the key; then it does', async (t) => {
  const { apns, story, books, troubled, allDelivered } = await begin(t);
  await apns.goAway();
  await apns.comeBack({ forgetful: true });
  books.send(200, device);
  await troubled(/^InvalidProviderToken \(status 403\): see key, key_id and team_id$/);
  t.true(apns.control.stats().requests <= 3, 'nobody asks again and again');
  t.is(books.fates.size, 0);
  t.is(await story.metric('pushbridge_provider_events_total{provider="apple",event="trouble"}'), 1);
  await apns.goAway();
  await apns.comeBack();
  await allDelivered();
});

/** What every request gets for a while, and what the health says. */
const walls: readonly (readonly [faults: ApnsEmulatorInput, detail: RegExp, deadline?: string])[] = [
  [{ instead: 'html_502' }, /nothing but errors from the service: status 502/],
  [{ instead: 'bare_401' }, /^status 401: .*see url/],
  [{ instead: 'bare_403' }, /^status 403: .*see url/],
  [{ instead: 'bare_404' }, /^status 404: .*see url/],
  [{ error_rate: 1, error_code: 'TopicDisallowed' }, /^TopicDisallowed .*see topic/],
  [{ error_rate: 1, error_code: 'ServiceUnavailable', retry_after: '1' }, /nothing but errors.*ServiceUnavailable/],
  [{ error_rate: 1, error_code: 'Shutdown' }, /^Shutdown/],
  [{ stall: true }, /no complete answer within 400 ms/, '400ms'],
  [{ latency: '2s' }, /no complete answer within 400 ms/, '400ms'],
];

for (const [faults, detail, deadline] of walls) {
  test.serial(`${JSON.stringify(faults)} for a while: nothing is lost or given up`, async (t) => {
    const { apns, books, troubled, allDelivered } = await begin(t, deadline ? { provider: { deadline } } : {});
    books.send(50, device);
    await books.settled();
    apns.control.setFaults({ ...faults });
    books.send(150, device);
    await troubled(detail);
    t.is(books.fates.size, 50);
    apns.control.resetFaults();
    await allDelivered(deadline ? 20 : 0); // an answer that comes too late was one all the same
  });
}

test.serial('half answers, silence and black holes for some: they come again, the others do not wait', async (t) => {
  const { books, allDelivered } = await begin(t, { provider: { deadline: '500ms' } });
  const faults = ['half', 'silent', 'black-hole', 'reset', 'refused', 'drop'];
  books.send(600, (n) => (n % 60 === 7 ? { to: `fault:${faults[Math.floor(n / 60) % faults.length]}:1` } : device(n)));
  await allDelivered(1);
});

test.serial('a storm of GOAWAY, resets and drops', async (t) => {
  const { apns, books, allDelivered } = await begin(t, { emulator: { latency: '5ms', max_streams: 40 } });
  books.send(2_000, device);
  const { control } = apns;
  const waves = [() => control.goaway('all', 'wave'), () => control.drop('all', 'rst'), () => control.drop('all')];
  for (let wave = 0; wave < 30; wave++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    waves[wave % waves.length]?.();
  }
  await allDelivered(30);
});

test.serial('a device over its rate: the others go on, and it gets everything in the end', async (t) => {
  const { apns, books, taken, allDelivered } = await begin(t);
  apns.control.setToken('hot', 'TooManyRequests');
  books.send(300, (n) => (n % 10 === 0 ? { to: 'hot' } : device(n)), false);
  await books.settled(270);
  t.is(taken.size, 270);
  apns.control.setToken('hot', undefined);
  await allDelivered();
});

test.serial('the bridge is stopped in the middle and started again', async (t) => {
  const { story, books, apns, taken } = await begin(t, { emulator: { latency: '20ms' } });
  books.send(3_000, device, false);
  await until(() => taken.size > 300 && books.taken === 3_000, 'some');
  await story.stopBridge();
  books.close();
  const before = books.fates.size;
  await story.startBridge();
  const later = await Books.open(story);
  const ids = () => new Set([...books.fates.keys(), ...later.fates.keys()]);
  await until(() => ids().size === 3_000, 'all outcomes');
  t.true(before < 3_000);
  for (const fates of [...books.fates.values(), ...later.fates.values()]) {
    t.deepEqual(
      fates.map(({ kind }) => kind),
      ['ack'],
    );
  }
  t.is(apns.control.stats().messages, 3_000, 'a stop in order sends nothing twice');
});
