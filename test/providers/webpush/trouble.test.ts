import { createServer, type Server } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Message, Outcome } from '../../../src/core/index.ts';
import { TestServer } from '../../protocols/http/https-server.ts';
import { until } from '../dispatch.ts';
import { type Stage, stage } from './stage.ts';

/** Somebody who takes connections and says nothing. */
async function mute(t: ExecutionContext): Promise<string> {
  const server: Server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await until(() => server.listening, 'the listener');
  const { port } = server.address() as { port: number };
  return `https://127.0.0.1:${port}/push`;
}

/** Hands messages over as the dispatcher does; those that are to wait come again soon. */
async function dispatch({ provider, deliver }: Stage, messages: readonly Message[], enough: () => boolean) {
  const queue = [...messages];
  const outcomes = new Map<number, Outcome[]>();
  const send = async (next: Message): Promise<void> => {
    const outcome = await deliver(next);
    outcomes.set(next.id, [...(outcomes.get(next.id) ?? []), outcome]);
    if (outcome.kind === 'later') {
      await new Promise((resolve) => setTimeout(resolve, 50));
      queue.push(next);
    } else if (outcome.kind === 'unsent') queue.push(next);
    pump();
  };
  const pump = (): void => {
    while (provider.room() > 0 && !enough()) {
      const next = queue.shift();
      if (!next) return;
      void send(next);
    }
  };
  provider.onRoom(pump);
  pump();
  await until(enough, 'enough outcomes');
  return outcomes;
}

test('one mute service among many: the others get their messages while it is waited for', async (t) => {
  const dead = await mute(t);
  const on = await stage(t, {
    options: { connections: { max: 40, per_origin: 40 }, deadline: '5m', connect_timeout: '5m' },
  });
  const others = await Promise.all(Array.from({ length: 3 }, () => new TestServer().start()));
  t.teardown(() => Promise.all(others.map((server) => server.stop())));
  const messages: Message[] = [];
  // It has more than all the room, and comes first.
  for (let n = 0; n < 100; n++) messages.push(on.to(dead));
  for (let n = 0; n < 60; n++) messages.push(on.to(others[n % 3]?.url(`/${n}`) ?? ''));
  const arrived = () => new Set(others.flatMap(({ asked }) => asked.map(({ request }) => request.url))).size;
  await dispatch(on, messages, () => arrived() === 60);
  t.is(arrived(), 60);
  t.like(on.provider.health(), { state: 'ok', facts: { connecting: 16 } });
});

test('a service that is down is not asked but once in a while, and is found when it answers', async (t) => {
  const on = await stage(t);
  const { service, deliver, to } = on;
  service.onRequest = ({ request }) => request.socket.destroy();
  const url = service.url();
  while (!on.events.includes('origin_down')) t.like(await deliver(to(url)), { kind: 'later', scope: 'message' });
  const asked = service.asked.length;
  for (let n = 0; n < 20; n++) {
    t.like(await deliver(to(url)), { kind: 'later', code: 'SERVICE_UNAVAILABLE' });
  }
  t.true(service.asked.length <= asked + 1);
  t.like(on.provider.health(), { state: 'degraded', detail: 'no push service gives answers' });
  t.true(on.provider.room() > 0, 'others may come');
  service.onRequest = ({ answer }) => answer.writeHead(201).end();
  let outcome: Outcome | undefined;
  await until(() => {
    void deliver(to(url)).then((one) => (outcome = one));
    return outcome?.kind === 'accepted';
  }, 'the return');
  t.is(on.provider.health().state, 'ok');
});

const nowhere: readonly (readonly [url: string, because: string])[] = [
  ['https://127.0.0.2/push', 'to: the address of 127.0.0.2 is not public'],
  ['https://[::1]/push', 'to: the address of ::1 is not public'],
  ['https://169.254.169.254/latest/meta-data', 'to: the address of 169.254.169.254 is not public'],
  ['http://push.example/push', 'to: must begin with https://'],
  ['https://user:word@push.example/', 'to: must not hold a name or a password'],
  ['a token of FCM', 'to: is no URL'],
  [`https://push.example/${'x'.repeat(2_048)}`, 'to: longer than 2048 characters'],
];
for (const [url, because] of nowhere) {
  test(`${url.slice(0, 50)} is refused at the door, and again when it is to be sent`, async (t) => {
    const { provider, deliver, to } = await stage(t);
    const sent = to(url);
    t.deepEqual(provider.inspect(sent.payload), { code: 'INVALID_MESSAGE', because });
    t.like(await deliver(sent), { kind: 'refused', code: 'INVALID_MESSAGE', because });
  });
}

test('a name that leads inside is refused when it is connected to, and says nothing of its service', async (t) => {
  const { provider, service, deliver, to, events } = await stage(t, { options: { allow: [] } });
  const sent = to(service.url('/push', 'push.example'));
  t.is(provider.inspect(sent.payload), undefined, 'a name alone says nothing');
  for (let n = 0; n < 4; n++) {
    t.like(await deliver(sent), { kind: 'refused', because: 'to: the address of push.example is not public' });
  }
  t.is(service.connections, 0);
  t.deepEqual(events.filter((event) => event === 'forbidden').length, 4);
  t.is(provider.health().state, 'ok');
});

test('a redirection into our own network is an answer, and nothing follows', async (t) => {
  const { service, deliver, to } = await stage(t);
  const inside = await new TestServer().start();
  t.teardown(() => inside.stop());
  service.onRequest = ({ answer }) => answer.writeHead(307, { location: inside.url() }).end();
  t.like(await deliver(to(service.url())), { kind: 'refused', code: 'BAD_REGISTRATION' });
  t.is(inside.connections, 0);
});

test('before the start, and after the end, nothing is taken', async (t) => {
  const { provider, service, deliver, to } = await stage(t, { start: false });
  t.is(provider.room(), 0);
  t.is(provider.health().state, 'down');
  t.is((await deliver(to(service.url()))).kind, 'unsent');
  let told = 0;
  provider.onRoom(() => told++);
  await provider.start({ upstream: async () => {}, receipt: async () => {} });
  t.true(told > 0 && provider.room() > 0);
  await provider.stop(0);
  await provider.stop(0);
  t.is(provider.room(), 0);
  t.is((await deliver(to(service.url()))).kind, 'unsent');
  t.is(provider.health().state, 'down');
});

test('stopping lets what is under way come home', async (t) => {
  const { provider, service, deliver, to } = await stage(t);
  service.onRequest = () => {};
  const outcome = deliver(to(service.url()));
  await until(() => service.asked.length === 1, 'the message');
  const stopped = provider.stop(20_000);
  t.is(provider.room(), 0);
  service.asked[0]?.answer.writeHead(201).end();
  t.is((await outcome).kind, 'accepted');
  await stopped;
});

test('stopping does not wait for ever', async (t) => {
  const { provider, service, deliver, to } = await stage(t);
  service.onRequest = () => {};
  const outcome = deliver(to(service.url()));
  await until(() => service.asked.length === 1, 'the message');
  await provider.stop(20);
  t.is((await outcome).kind, 'later');
});

test('many messages over few connections all arrive once', async (t) => {
  const on = await stage(t, { options: { connections: { per_origin: 4, max: 8 }, encryption_threads: 2 } });
  const { service, to } = on;
  const messages = Array.from({ length: 200 }, (_, n) => to(service.url(`/${n}`)));
  const outcomes = await dispatch(on, messages, () => service.asked.length >= 200);
  t.is(new Set(service.asked.map(({ request }) => request.url)).size, 200);
  t.is(service.asked.length, 200);
  t.true(service.most <= 4);
  t.true(outcomes.size > 0);
});
