import test from 'ava';
import { BACKEND, Endpoints, type Push, type Registration } from '../../../src/core/index.ts';
import { writePushHeaders } from '../../../src/protocols/webpush/index.ts';
import { BackendProvider } from '../../../src/providers/backend/index.ts';
import { type CoreBenchOptions, coreBench } from '../../core/bench.ts';
import { FakeOutlet } from '../../core/fake-outlet.ts';

const MINUTE = 60_000;

/** A backend `app` that has the endpoint `door-bell`, and somebody who pushes to it. */
async function bench(options: CoreBenchOptions = {}) {
  const core = await coreBench(options);
  const { store, clock, settle } = core;
  const { sessions, router, pushes } = core.core;
  const endpoints = new Endpoints({ store, clock, urlOf: (token) => token });
  const backend = new BackendProvider({ session: 'app', sessions, router, endpoints, clock });
  core.core.add(backend);
  await backend.start();
  const asked = { owner: 'bal:app', name: 'door-bell', provider: `${BACKEND}app`, data: '{}' };
  const made = await endpoints.register(asked);
  if (!made) throw new Error('there is no room');
  return {
    ...core,
    backend,
    endpoints,
    pushes,
    to: made.registration,
    async attach(window?: number) {
      const outlet = new FakeOutlet(window);
      const attachment = await sessions.attach('app', outlet);
      attachment.resume();
      await settle();
      return { outlet, attachment };
    },
    async push(fields: Partial<Push> = {}, to: Registration = made.registration): Promise<string> {
      const headers = writePushHeaders({ urgency: 'normal', ttl: 600 });
      const push: Push = {
        body: Buffer.from('ding'),
        headers,
        ttl: 600,
        urgency: 'normal',
        receipt: false,
        ...fields,
      };
      const id = await pushes.push(to, push);
      await settle();
      if (id === undefined) throw new Error('there is no room');
      return id;
    },
    async ack(...sequences: number[]): Promise<void> {
      await sessions.acknowledge('app', sequences);
      await settle();
    },
  };
}

test('a push is an upstream message that says everything that is known of it', async (t) => {
  const { attach, push } = await bench();
  const { outlet } = await attach();
  const body = Buffer.from([0, 255, 1]);
  const headers = writePushHeaders({
    encoding: 'aesgcm',
    type: 'application/octet-stream',
    legacy: { encryption: 'salt=c2FsdA', crypto_key: 'dh=a2V5' },
    urgency: 'high',
    ttl: 60,
    topic: 'ring',
  });
  const id = await push({ body, headers, ttl: 60 });
  const [frame] = outlet.frames;
  t.like(frame, { type: 'upstream', messageId: id });
  t.deepEqual(JSON.parse(frame?.data ?? ''), {
    from: 'unifiedpush',
    category: 'app',
    message_id: id,
    push: {
      token: 'door-bell',
      content: 'AP8B',
      content_encoding: 'aesgcm',
      content_type: 'application/octet-stream',
      encryption: 'salt=c2FsdA',
      crypto_key: 'dh=a2V5',
      ttl: 60,
      urgency: 'high',
      topic: 'ring',
    },
  });
});

test('without a backend it waits in the outbox, where its topic is replaced, and goes out when one comes', async (t) => {
  const { attach, push, backend } = await bench();
  t.is(backend.room(), 0);
  await push({ topic: 'ring' });
  const second = await push({ topic: 'ring' });
  const third = await push();
  const { outlet } = await attach();
  t.deepEqual(outlet.ids, [second, third]);
});

test('with a TTL of 0 and no backend it is gone after a second', async (t) => {
  const { attach, push, clock, pushes } = await bench();
  const id = await push({ ttl: 0, receipt: true });
  await clock.advance(2_000);
  t.like(await pushes.outcome(id), { type: 'reject', error: 'EXPIRED' });
  const { outlet } = await attach();
  t.deepEqual(outlet.ids, []);
});

test('a full inbox holds pushes back, and each ACK that makes room lets one in', async (t) => {
  const { attach, push, ack, pushes } = await bench({ maxInbox: 2 });
  const { outlet } = await attach();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await push());
  t.deepEqual(outlet.ids, ids.slice(0, 2));
  t.is(await pushes.outcome(ids[2] ?? ''), 'pending');
  for (let got = 2; got < 5; got++) {
    await ack(outlet.sequences[got - 2] ?? 0);
    t.deepEqual(outlet.ids, ids.slice(0, got + 1));
  }
});

test('an endpoint that is no more takes what waits for it along', async (t) => {
  const { attach, push, pushes, endpoints, to } = await bench();
  const id = await push({ receipt: true });
  await endpoints.revoke({ token: to.token });
  const { outlet } = await attach();
  t.deepEqual(outlet.ids, []);
  t.like(await pushes.outcome(id), { type: 'reject', error: 'DEVICE_UNREGISTERED' });
});

test('a receipt is there with the ACK, and not before', async (t) => {
  const { attach, push, ack, pushes } = await bench();
  const { outlet } = await attach();
  const id = await push({ receipt: true });
  t.is(await pushes.outcome(id), 'pending');
  await ack(...outlet.sequences);
  t.like(await pushes.outcome(id), { type: 'ack' });
});

test('a backend that goes before its ACK gets the push again, and its ACK counts', async (t) => {
  const { attach, push, ack, pushes } = await bench();
  const first = await attach();
  const id = await push({ receipt: true });
  first.attachment.detach();
  const second = await attach();
  t.deepEqual(second.outlet.ids, [id]);
  t.is(await pushes.outcome(id), 'pending');
  await ack(...second.outlet.sequences);
  t.like(await pushes.outcome(id), { type: 'ack' });
});

test('a push that nobody acknowledges while it lives has expired, and its place is free again', async (t) => {
  const { attach, push, pushes, clock, backend } = await bench();
  await attach();
  const id = await push({ receipt: true, ttl: 120 });
  const brief = await push({ receipt: true, ttl: 1 });
  t.like(backend.health().facts, { in_flight: 2 });
  await clock.advance(MINUTE - 1);
  t.is(await pushes.outcome(brief), 'pending'); // a short TTL leaves time for the ACK all the same
  await clock.advance(1_000);
  t.like(await pushes.outcome(brief), { type: 'reject', error: 'EXPIRED' });
  t.like(backend.health().facts, { in_flight: 1 });
  await clock.advance(2 * MINUTE);
  t.like(await pushes.outcome(id), { type: 'reject', error: 'EXPIRED' });
  t.like(backend.health().facts, { in_flight: 0 });
});

test('stopping waits for no ACK: what was in the inbox is delivered, and is not sent a second time', async (t) => {
  const { attach, push, backend, core, pushes } = await bench();
  const { outlet } = await attach();
  const id = await push({ receipt: true });
  await backend.closeGate();
  t.is(backend.room(), 0);
  await core.stop(); // would never end otherwise
  t.is(await pushes.outcome(id), 'pending');
  t.deepEqual(outlet.ids, [id]);
});

test('what the store refuses is tried again, and arrives once', async (t) => {
  const { attach, push, gated, clock } = await bench();
  const { outlet } = await attach();
  const heal = gated.refuse('receive');
  const id = await push();
  t.deepEqual(outlet.ids, []);
  heal();
  await clock.advance(60_000);
  t.deepEqual(outlet.ids, [id]);
});
