import type { Clock } from '../../../lib/clock.ts';
import { type AppServer, signingKeys, type Target } from './app-server.ts';
import { Backend } from './backend.ts';
import type { Book } from './book.ts';
import type { Stage } from './stage.ts';
import { expect, type Steps } from './steps.ts';
import { until } from './waiting.ts';

/** What the backend calls its endpoints: those that anybody may push to, and the one for a single key. */
const ENDPOINTS = ['mail', 'chat', 'news', 'calendar'] as const;
const SIGNED = 'signed';
/** Pushes with one topic, of which the last one counts; and pushes that are taken back. */
const OF_ONE_TOPIC = 5;
const TAKEN_BACK = 3;

export interface Scene {
  readonly stage: Stage;
  readonly steps: Steps;
  readonly sender: AppServer;
  readonly book: Book;
  readonly clock: Clock;
  /** Pushes, at least 2. */
  readonly count: number;
}

/** Endpoints of a backend, over BAL. */
export async function backendScene({ stage, steps, sender, book, clock, count }: Scene): Promise<void> {
  const { app, vapid, publicUrl } = stage;
  const backend = new Backend({ port: app.balPort, book, clock });
  const targets: Target[] = [];
  const target = (token: string, url: string): Target => {
    const subscription = backend.subscriptions.get(token);
    if (!subscription) throw new Error(`${token} is not registered`);
    return { url, subscription };
  };
  const settled = (): Promise<void> =>
    until(
      clock,
      () => book.missing === 0,
      () => `the rest (${book.missing})`,
    );
  const half = Math.ceil(count / 2);
  const ids = Array.from({ length: count }, (_, n) => `BAL ${n}`);
  const left = () => `(${book.missing} on the way)`;

  await steps.say('Endpoints of a backend (BAL)');
  await steps.step(`${ENDPOINTS.length} endpoints registered, and again: each keeps its URL`, async () => {
    await backend.connect();
    for (const token of ENDPOINTS) {
      const url = await backend.register(token);
      expect('the URL', await backend.register(token), url);
      targets.push(target(token, url));
    }
  });
  const [first] = targets;
  if (!first) throw new Error('no endpoint');
  const many = `${half} pushes, encrypted by web-push, arrive as UPSTREAM and are decrypted`;
  await steps.step(
    many,
    async () => {
      expect('pushes with 201', await sender.postMany(targets, ids.slice(0, half)), half);
      await settled();
    },
    left,
  );
  book.timed = false;
  await steps.step(`${count - half} while the backend is away: each gets 201 and waits`, async () => {
    await backend.leave();
    expect('pushes with 201', await sender.postMany(targets, ids.slice(half)), count - half);
    expect('pushes that wait', book.missing, count - half);
  });
  await steps.step(`${OF_ONE_TOPIC} with one Topic: the last replaces the others`, async () => {
    for (let n = 1; n <= OF_ONE_TOPIC; n++) {
      const fate = n < OF_ONE_TOPIC ? 'replaced' : 'arrives';
      expect('status', (await sender.post(first, `topic ${n}`, fate, { topic: 'weather' })).status, 201);
    }
  });
  await steps.step(`${TAKEN_BACK} are taken back by DELETE`, async () => {
    for (let n = 1; n <= TAKEN_BACK; n++) {
      const { location } = await sender.post(first, `taken back ${n}`, 'taken back');
      expect('status', await sender.ask('DELETE', location), 204);
    }
  });
  await steps.step('the backend is back: what waited arrives, once', async () => {
    await backend.connect();
    await settled();
  });
  book.timed = true;
  await steps.step('a receipt: 202 until the backend has acknowledged, then 204', async () => {
    backend.acknowledges = false;
    const { status, receipt } = await sender.post(first, 'with a receipt', 'arrives', { receipt: true });
    expect('status of the push', status, 202);
    await until(clock, () => backend.held === 1, 'the push');
    expect('status of the receipt', await sender.ask('GET', receipt), 202);
    backend.acknowledge();
    expect('status of the receipt', await sender.ask('GET', receipt, { prefer: 'wait=10' }), 204);
  });
  let signed = '';
  await steps.step('an endpoint for one VAPID key: unsigned 401, another key 403, its own 201', async () => {
    signed = await backend.register(SIGNED, vapid.publicKey);
    const at = target(SIGNED, signed);
    expect('unsigned', (await sender.post(at, 'unsigned', 'refused')).status, 401);
    expect('another key', (await sender.post(at, 'another key', 'refused', { sign: signingKeys() })).status, 403);
    expect('its own', (await sender.post(at, 'its own key', 'arrives', { sign: vapid })).status, 201);
    await settled();
  });
  await steps.step('the bridge itself pushes there (provider webpush), encrypted and signed', async () => {
    const { subscription } = target(SIGNED, signed);
    const data = { text: 'from the bridge' };
    book.expect(JSON.stringify(data), 'arrives', clock.monotonic());
    expect('the outcome', await backend.push(signed, subscription.keys, data), 'ack');
    await settled();
  });
  await steps.step('unregistered, it answers 410; what never was, 404', async () => {
    await backend.unregister(SIGNED);
    const at = target(SIGNED, signed);
    expect('status', (await sender.post(at, 'too late', 'refused', { sign: vapid })).status, 410);
    const never = { ...at, url: `${publicUrl}/push/${'A'.repeat(27)}` };
    expect('status', (await sender.post(never, 'never was', 'refused')).status, 404);
  });
  await backend.leave();
}
