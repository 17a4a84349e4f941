import { createHook } from 'node:async_hooks';
import { scryptSync } from 'node:crypto';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { SecretChecker, secretProblem } from '../../../src/lib/secret-checker.ts';
import { brief, startBridge, until } from './harness.ts';

const hashed = (text: string, bytes = 32, N = 16_384) => {
  const salt = Buffer.from('salty');
  const hash = scryptSync(text, salt, bytes, { N, r: 8, p: 1, maxmem: 64 * 1024 * 1024 });
  return `scrypt:${N}:8:1:${salt.toString('base64')}:${hash.toString('base64')}`;
};
const sessions = [{ id: 'app', secret: 's3cret' }];
const logon = (fields = {}) => ({ message_type: 'LOGON', session_id: 'app', ...fields });

test('[BAL §Sessions and answers] unknown session, wrong secret and missing secret get the same answer and a close', async (t) => {
  for (const secret of ['s3cret', hashed('s3cret')]) {
    const bridge = await startBridge(t, { sessions: [{ id: 'app', secret }] });
    const answers = [];
    for (const wrong of [logon({ secret: 'wrong' }), logon(), logon({ secret: '' })]) {
      const backend = await bridge.connect();
      backend.send(wrong);
      answers.push(...(await backend.untilEnd()));
    }
    const backend = await bridge.connect();
    backend.send({ message_type: 'LOGON', session_id: 'nobody', secret: 's3cret' });
    const [unknown] = await backend.untilEnd();
    t.deepEqual(unknown, {
      message_type: 'LOGON_RESPONSE',
      session_id: 'nobody',
      status: 'FAILURE',
      error: 'AUTHENTICATION_FAILED',
      error_string: 'unknown session or wrong secret',
      error_description: 'unknown session or wrong secret',
    });
    t.is(answers.length, 3);
    for (const answer of answers) t.deepEqual({ ...answer, session_id: 'nobody' }, unknown);
  }
});

test('[BAL §Sessions and answers] a secret in clear and a scrypt hash are accepted; an open session asks for none', async (t) => {
  const bridge = await startBridge(t, {
    sessions: [...sessions, { id: 'hashed', secret: hashed('other') }, { id: 'open' }],
  });
  for (const fields of [
    { secret: 's3cret' },
    { session_id: 'hashed', secret: 'other' },
    { session_id: 'hashed', secret: 'other' }, // from the memory of successes
    { session_id: 'open' },
    { session_id: 'open', secret: 'whatever' },
  ]) {
    t.deepEqual(await (await bridge.logOn(fields)).sync(), []);
  }
});

test.serial('[BAL §Sessions and answers] at most two hashes at once, and none for whoever has gone', async (t) => {
  const expected = new Secret(hashed('s3cret'));
  let running = 0;
  let most = 0;
  let all = 0;
  const ids = new Set<number>();
  const hook = createHook({
    init(id, type) {
      if (type !== 'SCRYPTREQUEST') return;
      ids.add(id);
      all++;
      most = Math.max(most, ++running);
    },
    before(id) {
      if (ids.has(id)) running--;
    },
  }).enable();
  t.teardown(() => hook.disable());
  const checker = new SecretChecker([expected]);
  const gone = new AbortController();
  const check = (given: string, signal?: AbortSignal) => checker.matches('app', given, expected, signal);
  const results = [...'abcdefgh'].map((given) => check(given));
  results.push(check('i', gone.signal), check('s3cret'));
  gone.abort();
  t.deepEqual(await Promise.all(results), [...Array.from({ length: 9 }, () => false), true]);
  t.is(most, 2);
  t.is(all, 9);
  t.true(await check('s3cret'));
  t.is(all, 9, 'a success is remembered');
});

test('[BAL §Sessions and answers] what can not be a hash is told by the configuration', (t) => {
  const problem = (text: string) => secretProblem(new Secret(text));
  t.is(problem('in clear'), undefined);
  t.is(problem(hashed('x')), undefined);
  t.is(problem(`scrypt:262144:8:1:c2FsdA==:${Buffer.alloc(32).toString('base64')}`), undefined);
  const hash = Buffer.alloc(16).toString('base64');
  for (const wrong of [
    'scrypt:16384:8:1:salt',
    `scrypt:16383:8:1:c2FsdA==:${hash}`,
    `scrypt:524288:8:1:c2FsdA==:${hash}`,
    `scrypt:16384:0:1:c2FsdA==:${hash}`,
    `scrypt:16384:8:0:c2FsdA==:${hash}`,
    `scrypt:16384:8:17:c2FsdA==:${hash}`,
    'scrypt:16384:8:1:c2FsdA==:A', // no bytes at all: would fit every secret
  ]) {
    t.truthy(problem(wrong), wrong);
  }
});

test('[BAL §Sessions and answers] the largest hash that is allowed can be computed', async (t) => {
  const text = `scrypt:262144:8:1:c2FsdA==:${Buffer.alloc(32).toString('base64')}`;
  const secret = new Secret(text);
  t.false(await new SecretChecker([secret]).matches('app', 'x', secret));
});

test('[BAL §Sessions and answers] repeated failures from one address are slowed down, twice as long each time', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, {
    clock,
    sessions,
    options: { max_failed_logons: 2, failed_logon_delay: '1s' },
  });
  const fail = async () => {
    const backend = await bridge.connect();
    backend.send(logon({ secret: 'wrong' }));
    return backend;
  };
  for (let i = 0; i < 2; i++) t.is((await (await fail()).untilEnd()).length, 1); // free
  await until(() => bridge.door.connections === 0);
  for (const delay of [1_000, 2_000, 4_000]) {
    const timers = clock.waiting;
    const backend = await fail();
    await until(() => clock.waiting === timers + 1);
    await clock.advance(delay - 1);
    t.is(backend.arrived, 0);
    await clock.advance(1);
    t.deepEqual(brief(await backend.untilEnd()), ['LOGON_RESPONSE AUTHENTICATION_FAILED']);
    await until(() => bridge.door.connections === 0);
  }
  await clock.advance(60_000); // a failure counts for a minute
  t.deepEqual(brief(await (await fail()).untilEnd()), ['LOGON_RESPONSE AUTHENTICATION_FAILED']);
});

test('[BAL §Sessions and answers] the right secret gets in at once beside failures from the same address', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock(), sessions, options: { max_failed_logons: 1 } });
  for (let i = 0; i < 8; i++) (await bridge.connect()).send(logon({ secret: 'wrong' }));
  const good = await bridge.connect();
  good.send(logon({ secret: 's3cret' }));
  t.is((await good.next()).status, 'SUCCESS');
});

test('[BAL §Sessions and answers] a logon that is slowed down and then gone leaves no timer behind', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, sessions, options: { max_failed_logons: 1 } });
  const first = await bridge.connect();
  first.send(logon({ secret: 'wrong' }));
  await first.untilEnd();
  await until(() => bridge.door.connections === 0);
  const idle = clock.waiting;
  const second = await bridge.connect();
  second.send(logon({ secret: 'wrong' }));
  await until(() => clock.waiting === idle + 1);
  second.socket.resetAndDestroy();
  await until(() => clock.waiting === idle);
  await until(() => bridge.door.connections === 0);
  t.is(bridge.gates.calls('openMailbox'), 0);
});

test('[BAL §Error codes] LOGON_TIMEOUT after logon_timeout, not before', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.connect();
  await until(() => bridge.door.connections === 1);
  backend.raw(Buffer.from([0, 0])); // half a header is no LOGON
  await clock.advance(9_999);
  t.false(backend.ended);
  await clock.advance(251);
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR LOGON_TIMEOUT']);
});

test('[BAL §Sessions and answers] the first frame must be LOGON, a second LOGON is ALREADY_LOGGED_ON', async (t) => {
  const bridge = await startBridge(t);
  for (const message_type of ['PING', 'LOGOFF', 'FUTURE']) {
    const backend = await bridge.connect();
    backend.send({ message_type });
    t.deepEqual(brief(await backend.untilEnd()), ['ERROR LOGON_EXPECTED'], message_type);
  }
  const backend = await bridge.logOn();
  backend.send(logon());
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR ALREADY_LOGGED_ON']);
  const pipelined = await bridge.connect();
  pipelined.send(logon(), logon());
  t.deepEqual(brief((await pipelined.untilEnd()).slice(1)), ['ERROR ALREADY_LOGGED_ON']);
});

test('[BAL §Error codes] connections beyond the limits are told so: of all, and of one session', async (t) => {
  const bridge = await startBridge(t, {
    options: { max_connections: 3, max_connections_per_session: 2 },
    sessions: [{ id: 'app' }, { id: 'other' }],
  });
  const first = await bridge.logOn();
  await bridge.logOn();
  const third = await bridge.connect();
  third.send(logon());
  t.deepEqual(brief(await third.untilEnd()), ['ERROR SHUTTING_DOWN']);
  await until(() => bridge.door.connections === 2);
  await bridge.logOn({ session_id: 'other' }); // the limit of one session is not that of another
  const fourth = await bridge.connect();
  t.deepEqual(brief(await fourth.untilEnd()), ['ERROR SHUTTING_DOWN']);
  first.destroy();
  await until(() => bridge.door.connections === 2);
  await bridge.logOn(); // its place is free again
  t.is(bridge.door.connections, 3);
});

test('a store that can not open a mailbox refuses the logon, and the place of the connection is free again', async (t) => {
  const bridge = await startBridge(t, { options: { max_connections_per_session: 1 } });
  const heal = bridge.gates.refuse('openMailbox');
  const backend = await bridge.connect();
  backend.send(logon());
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR SHUTTING_DOWN']);
  await until(() => bridge.door.connections === 0);
  heal();
  await bridge.logOn();
  t.is(bridge.door.connections, 1);
});
