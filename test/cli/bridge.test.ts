import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createCertificate, createEmulator } from '../../src/emulator/index.ts';
import { Console, until } from './console.ts';

/** A served bridge on free ports before an emulator, all of it started by commands. */
async function bridge(
  t: ExecutionContext,
  sessions = '[{ id: app, secret: sesame }]',
  more: (folder: string) => string = () => '',
) {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-cli-'));
  const ca = join(folder, 'ca.pem');
  const emulator = createEmulator({ port: 0, ca_file: ca, senders: { '1234': 'hush' } });
  await emulator.start();
  const config = join(folder, 'pushbridge.yaml');
  writeFileSync(
    config,
    `
store: { url: "sqlite:${join(folder, 'bridge.db')}" }
bal: { port: 0, owner_grace: 0 }
admin: { port: 0 }
stop_timeout: 1s
log: { level: error }
sessions: ${sessions}
providers:
  ccs: { host: localhost, port: ${emulator.port}, sender_id: "1234", server_key: "\${KEY}", ca: ${ca} }
${more(folder)}
`,
  );
  const serve = new Console();
  const served = serve.run(['serve', '--config', config], { KEY: 'hush' });
  await until(() => serve.printed.includes('\n'), 'the bridge to be ready');
  const port = /BAL on 127\.0\.0\.1:(\d+)/.exec(serve.printed)?.[1] ?? '';
  t.teardown(async () => {
    serve.signal('SIGTERM');
    await served;
    await emulator.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const at = ['--session', 'app', '--secret', 'sesame', '--port', port];
  const send = (...argv: string[]) => new Console().run(['send', ...at, ...argv]);
  return { folder, emulator, serve, served, port, at, send };
}

test('serve says where it is, answers health checks, and stops on a signal with 0', async (t) => {
  const { serve, served } = await bridge(t);
  const match = /^pushbridge is ready: BAL on 127\.0\.0\.1:\d+, admin on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(
    serve.printed,
  );
  t.truthy(match);
  t.is((await fetch(`${match?.[1]}/healthz`)).status, 200);
  serve.signal('SIGTERM');
  t.is((await served).code, 0);
  await t.throwsAsync(fetch(`${match?.[1]}/healthz`));
});

test('serve says where app servers get in; without sessions the BAL is not listened to', async (t) => {
  const { serve } = await bridge(t, '[]', (folder) => {
    const from = (days: number) => new Date(Date.now() + days * 86_400_000);
    const { cert, key } = createCertificate({ names: ['localhost'], notBefore: from(-1), notAfter: from(1) });
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key);
    const tls = `{ cert: ${join(folder, 'cert.pem')}, key: ${join(folder, 'key.pem')} }`;
    return `doors: { ccs: { port: 0, tls: ${tls}, senders: [{ id: "1", key: hush, provider: ccs }] } }`;
  });
  t.regex(serve.printed, /^pushbridge is ready: CCS on 127\.0\.0\.1:\d+, admin on http:\/\/127\.0\.0\.1:\d+\n$/);
});

test('a second signal stops serve at once', async (t) => {
  const { serve } = await bridge(t);
  serve.signal('SIGINT');
  t.deepEqual(serve.exits, []);
  serve.signal('SIGINT');
  t.deepEqual(serve.exits, [130]);
});

test('send prints the outcome of a message', async (t) => {
  const { send, emulator } = await bridge(t);
  const { code, stdout, stderr } = await send('--to', 'token', '--data', 'text=hello', '--data', 'n=a=b', '--id', 'm1');
  t.is(stderr, '');
  t.is(code, 0);
  const line = JSON.parse(stdout);
  t.like(line, { type: 'ack', message_id: 'm1', data: { message_type: 'ack', from: 'token' } });
  t.is(emulator.control.stats().received, 1);
});

test('send exits with 1 if a message was rejected', async (t) => {
  const { send } = await bridge(t);
  const { code, stdout } = await send('--json', '{"to":"BAD_REGISTRATION","data":{"a":"b"}}', '--id', 'm1');
  t.is(code, 1);
  t.like(JSON.parse(stdout), { type: 'reject', message_id: 'm1', error: 'BAD_REGISTRATION', taken: true });
});

test('send reads many messages from a file, good and bad', async (t) => {
  const { send, folder } = await bridge(t);
  const file = join(folder, 'messages.ndjson');
  const lines = [
    '{"to":"t1","data":{"a":"b"},"message_id":"own"}',
    '',
    '{"message_id":"enveloped","group_id":"g","provider":"ccs","fcm_data":{"to":"t2"}}',
    '{"message_id":"elsewhere","provider":"apns","fcm_data":{"to":"t2"}}',
    'no json',
    '[]',
    '{"fcm_data":{"to":"t"},"colour":"red"}',
    '{"message_id":5,"fcm_data":{"to":"t"}}',
    '{"to":"DEVICE_UNREGISTERED","message_id":"gone"}',
  ];
  writeFileSync(file, lines.join('\n'));
  const { code, stdout } = await send('--file', file);
  t.is(code, 1);
  const printed = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const of = (id: string) => printed.find((line) => line.message_id === id);
  t.is(of('own')?.type, 'ack');
  t.is(of('enveloped')?.type, 'ack');
  t.like(of('elsewhere'), { type: 'reject', error: 'NO_PROVIDER', taken: false });
  t.like(of('gone'), { type: 'reject', error: 'DEVICE_UNREGISTERED', taken: true });
  const invalid = printed.filter((line) => line.type === 'invalid');
  t.deepEqual(
    invalid.map((line) => line.line),
    [5, 6, 7, 8],
  );
  t.is(printed.length, 8);
});

test('send reads standard input to its end', async (t) => {
  const { at } = await bridge(t);
  const console = new Console();
  const ran = console.run(['send', ...at, '-']);
  console.stdin.write('{"to":"a","message_id":"1"}\n{"to":"b",');
  await until(() => console.lines.length === 1, 'the first outcome, before the input has ended');
  console.stdin.end('"message_id":"2"}\n');
  t.is((await ran).code, 0);
  t.deepEqual(
    console.lines.map(({ type, message_id }) => [type, message_id]),
    [
      ['ack', '1'],
      ['ack', '2'],
    ],
  );
});

test('thousands of messages have one line each', async (t) => {
  const { send, folder } = await bridge(t);
  const file = join(folder, 'many.ndjson');
  const ids = Array.from({ length: 3_000 }, (_, index) => `m${index}`);
  writeFileSync(file, ids.map((message_id) => JSON.stringify({ to: 't', message_id })).join('\n'));
  const { code, stdout } = await send('-f', file);
  t.is(code, 0);
  const seen = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).message_id);
  t.deepEqual(seen.toSorted(), ids.toSorted());
});

test('what has no outcome in time is unsettled', async (t) => {
  const { send, emulator } = await bridge(t);
  emulator.control.setFaults({ hold_acks: true });
  const { code, stdout } = await send('--to', 'token', '--id', 'm1', '--timeout', '100ms');
  t.is(code, 1);
  t.like(JSON.parse(stdout), { type: 'unsettled', message_id: 'm1' });
  t.regex(stdout, /pushbridge listen/, 'and what to do about it');
});

test('a signal ends send while it waits for standard input', async (t) => {
  const { at } = await bridge(t);
  const console = new Console();
  const ran = console.run(['send', ...at, '-']);
  console.stdin.write('{"to":"a","message_id":"1"}\n');
  await until(() => console.lines.length === 1, 'the first outcome');
  console.signal('SIGINT');
  t.is((await ran).code, 1);
});

test('a wrong secret is told, and exits with 1', async (t) => {
  const { port } = await bridge(t);
  const { code, stderr } = await new Console().run(
    ['send', '--session', 'app', '--port', port, '--to', 'a', '--log-level', 'error'],
    { PUSHBRIDGE_SECRET: 'wrong' },
  );
  t.is(code, 1);
  t.regex(stderr, /^pushbridge send: .+\n$/);
  t.notRegex(stderr, /wrong$/m);
});

test('the secret comes from a file or the environment, too', async (t) => {
  const { port, folder } = await bridge(t);
  const file = join(folder, 'secret.txt');
  writeFileSync(file, 'sesame\n');
  const argv = ['send', '--session', 'app', '--port', port, '--to', 'a'];
  t.is((await new Console().run([...argv, '--secret-file', file])).code, 0);
  t.is((await new Console().run(argv, { PUSHBRIDGE_SECRET: 'sesame' })).code, 0);
  t.is((await new Console().run([...argv, '--secret', 'a', '--secret-file', file])).code, 2);
});

test('a bridge that is not there is told after the timeout', async (t) => {
  const argv = [
    'send',
    '--session',
    'app',
    '--port',
    '1',
    '--to',
    'a',
    '--connect-timeout',
    '50ms',
    '--log-level',
    'error',
  ];
  const { code, stderr } = await new Console().run(argv);
  t.is(code, 1);
  t.regex(stderr, /^pushbridge send: logon at 127\.0\.0\.1:1: no result within 50 ms: /);
});

test('listen prints upstream messages and receipts, and acknowledges them', async (t) => {
  const { at, send, emulator } = await bridge(t);
  const console = new Console();
  const ran = console.run(['listen', ...at, '--count', '3']);
  await until(() => emulator.control.connections().length > 0, 'a connection');
  emulator.control.upstream({ sender: '1234', category: 'app', count: 2, data: { hello: 'there' } });
  await until(() => console.lines.length === 2, 'two messages');
  for (const line of console.lines) t.like(line, { type: 'upstream', data: { data: { hello: 'there' } } });
  t.is((await send('--to', 'token', '--id', 'm1', '--receipt')).code, 0);
  t.is((await ran).code, 0);
  t.like(console.lines[2], { type: 'receipt', message_id: 'm1' });
  const again = new Console();
  const nothing = again.run(['listen', ...at]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  again.signal('SIGTERM');
  t.is((await nothing).code, 0);
  t.deepEqual(again.lines, []);
});

test('send leaves soon although there are frames that it does not take', async (t) => {
  const { send, emulator, at } = await bridge(t);
  await until(() => emulator.control.connections().length > 0, 'a connection');
  emulator.control.upstream({ sender: '1234', category: 'app', count: 5 });
  const start = performance.now();
  t.is((await send('--to', 'token', '--receipt')).code, 0);
  t.true(performance.now() - start < 5_000);
  const console = new Console();
  t.is((await console.run(['listen', ...at, '--count', '5'])).code, 0);
  t.true(console.lines.filter(({ type }) => type === 'upstream').length >= 4);
  t.false(
    console.lines.some(({ type }) => type === 'ack'),
    'the outcome was acknowledged before it left',
  );
});

test('what listen could not print comes again', async (t) => {
  const { at, emulator } = await bridge(t);
  const gone = new Console();
  gone.stdout.destroy();
  const ran = gone.run(['listen', ...at]);
  await until(() => emulator.control.connections().length > 0, 'a connection');
  emulator.control.upstream({ sender: '1234', category: 'app', count: 1 });
  t.is((await ran).code, 0);
  const console = new Console();
  t.is((await console.run(['listen', ...at, '--count', '1'])).code, 0);
  t.is(console.lines[0]?.type, 'upstream');
});
