import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { tokenOf } from './bridge.ts';
import {
  attribute,
  GULTSCH,
  gultschRegister,
  hash,
  iq,
  legacyRegister,
  ROMEO,
  register,
  type Scene,
  scene,
  stanzaError,
} from './scene.ts';
import { until } from './until.ts';

/** Waits for the outcome of a push: the type of its notice, and its code if it has one. */
async function outcome({ outcome: ask }: Scene, id: string): Promise<string> {
  let found = await ask(id);
  await until(async () => {
    found = await ask(id);
    return found !== 'pending';
  }, 'the outcome');
  return typeof found === 'object' ? `${found.type}${found.error ? ` ${found.error}` : ''}` : String(found);
}

const answer = (push: string, type: 'result' | 'error', child = '', from = attribute(push, 'to')): string =>
  `<iq type='${type}' id='${attribute(push, 'id')}' from='${from}' to='up.example'>${child}</iq>`;

test('the newer dialect: a question with base64, accepted when the client says so', async (t) => {
  const s = await scene(t);
  const url = await register(s.peer, gultschRegister(1, 2));
  const id = await s.push(url, Uint8Array.of(0, 0xff, 0x10));
  const push = await s.peer.next('<push');
  t.is(
    push,
    `<iq type="set" from="up.example" to="${ROMEO}" id="${attribute(push, 'id')}"><push xmlns="${GULTSCH}" application="${hash(1)}" instance="${hash(2)}">AP8Q</push></iq>`,
  );
  t.is(s.provider.room(), 999);
  t.deepEqual(s.gauge('pushbridge_provider_window_used'), [[{ provider: 'xmpp' }, 1]]);
  t.is(await s.outcome(id), 'pending');
  s.peer.write(answer(push, 'result'));
  t.is(await outcome(s, id), 'ack');
  await until(() => s.provider.room() === 1_000, 'the place');
});

for (const condition of ['item-not-found', 'feature-not-implemented']) {
  test(`${condition} ends the endpoint`, async (t) => {
    const s = await scene(t);
    const url = await register(s.peer, gultschRegister(1, 2));
    const id = await s.push(url, 'x');
    s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError(condition)));
    t.is(await outcome(s, id), 'reject DEVICE_UNREGISTERED');
    t.is(await s.endpoints.find(tokenOf(url)), 'revoked');
    t.not(await register(s.peer, gultschRegister(1, 2)), url);
  });
}

test('an endpoint that is registered anew in the moment in which it was not known stays, and gets the push', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, gultschRegister(1, 2));
  const id = await s.push(url, 'x');
  const push = await s.peer.next('<push');
  await clock.advance(1);
  s.peer.write(
    answer(push, 'error', stanzaError('item-not-found')) + iq('set', 'renewed', gultschRegister(1, 2)), // in one chunk
  );
  t.true((await s.peer.next('id="renewed"')).includes(url));
  t.like(await s.endpoints.find(tokenOf(url)), { provider: 'xmpp' });
  await clock.advance(1_000);
  s.peer.write(answer(await s.peer.next('<push'), 'result'));
  t.is(await outcome(s, id), 'ack');
});

for (const condition of ['service-unavailable', 'remote-server-not-found', 'internal-server-error', 'bad-request']) {
  test(`${condition} passes: the push waits, and goes out when its client comes`, async (t) => {
    const clock = new ManualClock();
    const s = await scene(t, { clock });
    const url = await register(s.peer, gultschRegister(1, 2));
    await clock.advance(5_000);
    const id = await s.push(url, 'x');
    const first = await s.peer.next('<push');
    s.peer.write(answer(first, 'error', stanzaError(condition)));
    await until(() => s.provider.room() === 1_000, 'the answer');
    t.is(await s.outcome(id), 'pending');
    t.is(typeof (await s.endpoints.find(tokenOf(url))), 'object');
    t.deepEqual(s.peer.stanzas, []);
    s.peer.write(`<presence from='${ROMEO}' to='up.example'/>`);
    const second = await s.peer.next('<push');
    t.is(second, first);
    s.peer.write(answer(second, 'result'));
    t.is(await outcome(s, id), 'ack');
  });
}

test('a client that is away is tried again by itself, and what waits goes out when it registers again', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, gultschRegister(1, 2));
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError('service-unavailable')));
  await until(() => s.provider.room() === 1_000, 'the answer');
  // Half of a second and half of that: the dice of the test always show one half.
  await until(async () => {
    await clock.advance(750);
    return s.peer.stanzas.length > 0;
  }, 'the next try');
  s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError('service-unavailable')));
  await until(() => s.provider.room() === 1_000, 'the answer');
  const again = await register(s.peer, gultschRegister(1, 2), 'romeo@example/balcony');
  t.is(again, url);
  const third = await s.peer.next('<push');
  t.is(attribute(third, 'to'), 'romeo@example/balcony');
  s.peer.write(answer(third, 'result'));
  t.is(await outcome(s, id), 'ack');
});

test('a push lives as long as its TTL, and one of TTL 0 only for the moment', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, gultschRegister(1, 2));
  const now = await s.push(url, 'x', 0);
  s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError('service-unavailable')));
  t.is(await outcome(s, now), 'reject EXPIRED');
  const later = await s.push(url, 'x', 60);
  s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError('service-unavailable')));
  await until(() => s.provider.room() === 1_000, 'the answer');
  t.is(await s.outcome(later), 'pending');
  const began = clock.now();
  await until(async () => {
    await clock.advance(1_000);
    return (await s.outcome(later)) !== 'pending';
  }, 'the end');
  t.is(await outcome(s, later), 'reject EXPIRED');
  t.true(clock.now() - began >= 60_000);
});

test('who does not answer in time is asked again; an answer that comes late still counts', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock, options: { answer_timeout: '10s', ping_interval: '10m' } });
  const url = await register(s.peer, gultschRegister(1, 2));
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  const push = await s.peer.next('<push');
  await clock.advance(9_999);
  t.is(s.provider.room(), 999);
  await clock.advance(1);
  await until(() => s.provider.room() === 1_000, 'the end of patience');
  t.is(await s.outcome(id), 'pending');
  t.is(s.events.get('silent'), 1);
  // Somebody else's word for it is worth nothing.
  s.peer.write(answer(push, 'result', '', 'romeo@example/other'));
  s.peer.write(answer(push, 'result'));
  t.is(await outcome(s, id), 'ack');
  t.is(s.events.get('late_answer'), 1);
  t.is(s.events.get('foreign_answer'), 1);
  t.deepEqual(s.peer.stanzas, [], 'it was not sent again');
});

test('only who was asked may answer', async (t) => {
  const s = await scene(t);
  const url = await register(s.peer, gultschRegister(1, 2));
  const id = await s.push(url, 'x');
  const push = await s.peer.next('<push');
  for (const from of ['juliet@example/orchard', 'romeo@example', 'romeo@example/other', 'example', '']) {
    s.peer.write(answer(push, 'error', stanzaError('item-not-found'), from));
  }
  s.peer.write(iq('result', 'no-such-push', ''));
  await until(() => s.events.get('foreign_answer') === 6, 'six answers');
  t.is(await s.outcome(id), 'pending');
  s.peer.write(answer(push, 'result'));
  t.is(await outcome(s, id), 'ack');
  t.is(typeof (await s.endpoints.find(tokenOf(url))), 'object');
});

test('to the client that has registered, then to the newest of its account', async (t) => {
  const s = await scene(t);
  const url = await register(s.peer, gultschRegister(1, 2), 'romeo@example/old');
  await register(s.peer, gultschRegister(1, 3), 'romeo@example/new');
  const id = await s.push(url, 'x');
  const first = await s.peer.next('<push');
  t.is(attribute(first, 'to'), 'romeo@example/old');
  s.peer.write(answer(first, 'error', stanzaError('service-unavailable')));
  const second = await s.peer.next('<push');
  t.is(attribute(second, 'to'), 'romeo@example/new');
  t.is(attribute(second, 'id'), attribute(first, 'id'));
  s.peer.write(answer(second, 'result'));
  t.is(await outcome(s, id), 'ack');
});

test('a client that has never registered an endpoint can not end it', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, gultschRegister(1, 2), 'romeo@example/old');
  s.peer.write("<presence from='romeo@example/new' to='up.example'/>");
  await register(s.peer, legacyRegister('x'), 'juliet@example/r'); // the presence was read by now
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError('service-unavailable')));
  s.peer.write(answer(await s.peer.next('<push'), 'error', stanzaError('item-not-found')));
  await until(() => s.provider.room() === 1_000, 'the answer');
  t.is(await s.outcome(id), 'pending');
  t.is(typeof (await s.endpoints.find(tokenOf(url))), 'object');
});

test('who has said goodbye is not asked, until they are there again', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, gultschRegister(1, 2));
  s.peer.write(`<presence type='unavailable' from='${ROMEO}' to='up.example'/>`);
  await register(s.peer, legacyRegister('x'), 'juliet@example/r');
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  await clock.advance(100);
  t.is(await s.outcome(id), 'pending');
  t.deepEqual(s.peer.stanzas, []);
  s.peer.write(`<presence from='${ROMEO}' to='up.example'/>`);
  s.peer.write(answer(await s.peer.next('<push'), 'result'));
  t.is(await outcome(s, id), 'ack');
});

test('presence that comes while the server says that nobody is there is not missed', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, gultschRegister(1, 2));
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  const push = await s.peer.next('<push');
  s.peer.write(
    `<presence from='${ROMEO}' to='up.example'/>${answer(push, 'error', stanzaError('service-unavailable'))}`,
  );
  s.peer.write(answer(await s.peer.next('<push'), 'result'));
  t.is(await outcome(s, id), 'ack');
});

test('presence of others, and to others, wakes nobody', async (t) => {
  const s = await scene(t);
  await register(s.peer, gultschRegister(1, 2));
  await until(() => s.gates.calls('registrationsOf') === 1, 'the first');
  for (const from of ['romeo@elsewhere/r', 'romeo@example', 'example/r']) {
    s.peer.write(`<presence from='${from}' to='up.example'/>`);
  }
  s.peer.write("<presence from='juliet@example/r' to='x@up.example'/>");
  for (const type of ['subscribe', 'probe', 'error', 'unavailable']) {
    s.peer.write(`<presence type='${type}' from='juliet@example/r' to='up.example'/>`);
  }
  await register(s.peer, legacyRegister('last'), 'nurse@example/r');
  t.is(s.gates.calls('registrationsOf'), 2);
});

test('a connection that is lost takes no push with it', async (t) => {
  const s = await scene(t);
  const url = await register(s.peer, gultschRegister(1, 2));
  const id = await s.push(url, 'x');
  const first = await s.peer.next('<push');
  s.peer.socket.destroy();
  const next = await s.server.peer(2);
  const second = await next.next('<push');
  t.is(second, first);
  next.write(answer(second, 'result'));
  t.is(await outcome(s, id), 'ack');
  t.is(s.events.get('lost'), 1);
});

test('the old dialect: delivered unless it comes back', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock, options: { bounce_wait: '2s' } });
  const url = await register(s.peer, legacyRegister('tok'));
  const id = await s.push(url, 'Grüße <&>');
  const push = await s.peer.next('<message');
  t.true(
    push.startsWith(
      `<message from="up.example" to="${ROMEO}" id="${attribute(push, 'id')}"><subject>tok</subject><body>Grüße &lt;&amp;&gt;</body>`,
    ),
  );
  await clock.advance(1_999);
  t.is(await s.outcome(id), 'pending');
  await clock.advance(1);
  t.is(await outcome(s, id), 'ack');
  t.is(s.events.get('trusted'), 1);
});

test('the old dialect: a receipt of any client of the account is proof at once', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, legacyRegister('tok'));
  const id = await s.push(url, 'x');
  const push = await s.peer.next('<message');
  const receipt = (from: string): string =>
    `<message from='${from}' to='up.example'><received xmlns='urn:xmpp:receipts' id='${attribute(push, 'id')}'/></message>`;
  s.peer.write(receipt('juliet@example/r'));
  await until(() => s.events.get('late_bounce') === 1, 'the forged one');
  t.is(await s.outcome(id), 'pending');
  s.peer.write(receipt('romeo@example/other'));
  t.is(await outcome(s, id), 'ack');
});

test('the old dialect: what comes back waits for its client', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, legacyRegister('tok'));
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  const first = await s.peer.next('<message');
  s.peer.write(
    `<message type='error' id='${attribute(first, 'id')}' from='${ROMEO}' to='up.example'>${stanzaError('service-unavailable')}<body>x</body></message>`,
  );
  await until(() => s.provider.room() === 1_000, 'the answer');
  t.is(await s.outcome(id), 'pending');
  s.peer.write(`<presence from='${ROMEO}' to='up.example'/>`);
  t.is(await s.peer.next('<message'), first);
  await clock.advance(2_000);
  t.is(await outcome(s, id), 'ack');
});

test('an endpoint that was given up takes what waited for it along', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock });
  const url = await register(s.peer, legacyRegister('tok'));
  s.peer.write(`<presence type='unavailable' from='${ROMEO}' to='up.example'/>`);
  await register(s.peer, legacyRegister('x'), 'juliet@example/r');
  await clock.advance(5_000);
  const id = await s.push(url, 'x');
  await clock.advance(0);
  s.peer.write(iq('set', 'u', "<unregister xmlns='unifiedpush.org'><token>tok</token></unregister>"));
  await s.peer.next('id="u"');
  await until(async () => {
    await clock.advance(1_000);
    return (await s.outcome(id)) !== 'pending';
  }, 'the end');
  t.is(await outcome(s, id), 'reject DEVICE_UNREGISTERED');
});

test('one account has only its share on the way', async (t) => {
  const s = await scene(t, { options: { in_flight: 10, in_flight_per_account: 3 } });
  const romeo = await register(s.peer, gultschRegister(1, 2));
  const juliet = await register(s.peer, gultschRegister(1, 2), 'juliet@example/r');
  for (let n = 0; n < 5; n++) await s.push(romeo, `romeo ${n}`);
  await until(() => (s.events.get('account_busy') ?? 0) > 0, 'the limit');
  const id = await s.push(juliet, 'juliet');
  const push = await s.peer.next(/<push|juliet@/);
  const toJuliet = push.includes('juliet') ? push : await s.peer.next(/to="juliet/);
  s.peer.write(answer(toJuliet, 'result'));
  t.is(await outcome(s, id), 'ack');
  t.is(s.provider.room(), 7);
});

test('what finds no place goes when those before it were answered, whatever time it is', async (t) => {
  const s = await scene(t, { clock: new ManualClock(), options: { ping_interval: '24h' } });
  const url = await register(s.peer, gultschRegister(1, 2));
  const ids: string[] = [];
  for (let n = 0; n < 15; n++) ids.push(await s.push(url, `push ${n}`, 86_400));
  await until(() => s.provider.room() === 990, 'ten on their way');
  // One beyond them was tried, and is written down as waiting before anything is answered.
  await until(() => s.events.has('account_busy'), 'one without a place');
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  const answered = new Set<string>();
  await until(async () => {
    for (const push of s.peer.stanzas.splice(0)) {
      answered.add(attribute(push, 'id'));
      s.peer.write(answer(push, 'result'));
    }
    return (await Promise.all(ids.map((id) => s.outcome(id)))).every((found) => found !== 'pending');
  }, 'all outcomes');
  t.is(answered.size, 15);
});

test('an account that does not answer has one place, until it answers', async (t) => {
  const clock = new ManualClock();
  const s = await scene(t, { clock, options: { answer_timeout: '10s', ping_interval: '24h' } });
  const url = await register(s.peer, gultschRegister(1, 2));
  await clock.advance(5_000);
  const ids: string[] = [];
  for (let n = 0; n < 15; n++) ids.push(await s.push(url, `push ${n}`, 86_400));
  await until(() => s.provider.room() === 990, 'ten on their way to an account that nothing is known of');
  await clock.advance(10_000);
  await until(() => s.provider.room() === 1_000, 'the end of patience');
  for (let minute = 0; minute < 30; minute++) {
    await clock.advance(60_000);
    t.true(s.provider.room() >= 999);
  }
  const silent = s.events.get('silent') ?? 0;
  t.true(silent > 10, `${silent} tries`); // it is tried again, one at a time
  s.peer.stanzas.splice(0);
  const answered = new Set<string>();
  await until(async () => {
    await clock.advance(1_000);
    for (const push of s.peer.stanzas.splice(0)) {
      answered.add(attribute(push, 'id'));
      s.peer.write(answer(push, 'result'));
    }
    return (await Promise.all(ids.map((id) => s.outcome(id)))).every((found) => found !== 'pending');
  }, 'all outcomes');
  t.is(answered.size, 15);
});

test('no more on the way than there may be', async (t) => {
  const s = await scene(t, { options: { in_flight: 2 } });
  const url = await register(s.peer, gultschRegister(1, 2));
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push(await s.push(url, `push ${n}`));
  await s.peer.next('<push');
  const second = await s.peer.next('<push');
  t.is(s.provider.room(), 0);
  s.peer.write(answer(second, 'result'));
  const third = await s.peer.next('<push');
  t.is(s.provider.room(), 0);
  s.peer.write(answer(third, 'result'));
  await s.peer.next('<push');
  t.is((await Promise.all(ids.map((id) => s.outcome(id)))).filter((found) => found !== 'pending').length, 2);
});

test('stopping lets what is on its way come home, but does not wait for ever', async (t) => {
  const s = await scene(t);
  const url = await register(s.peer, gultschRegister(1, 2));
  const id = await s.push(url, 'x');
  const push = await s.peer.next('<push');
  const stopped = s.provider.stop(20_000);
  t.is(s.provider.room(), 0);
  s.peer.write(answer(push, 'result'));
  await stopped;
  t.is(await outcome(s, id), 'ack');

  const other = await scene(t);
  const left = await other.push(await register(other.peer, gultschRegister(1, 2)), 'x');
  await other.peer.next('<push');
  await other.provider.stop(20);
  t.is(await other.outcome(left), 'pending');
});

test('what no client could take is refused at the door', async (t) => {
  const { provider } = await scene(t);
  const opaque = (length: number) => provider.inspect({ kind: 'opaque', body: new Uint8Array(length), headers: '{}' });
  t.is(opaque(1), undefined);
  t.is(opaque(4_096), undefined);
  t.like(opaque(4_097), { code: 'PAYLOAD_TOO_LARGE' });
  t.like(opaque(0), { code: 'INVALID_MESSAGE' });
  t.like(provider.inspect({ kind: 'fcm', json: '{}' }), { code: 'INVALID_MESSAGE' });
});
