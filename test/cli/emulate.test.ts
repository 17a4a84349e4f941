import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Console, until } from './console.ts';

/** The line that says that it is ready, and what stops it. */
async function emulate(t: ExecutionContext, ...argv: string[]) {
  const console = new Console();
  const ran = console.run(['emulate', '--log-level', 'error', ...argv]);
  await until(() => console.printed.includes('\n'), 'the emulator to be ready');
  const stop = async () => {
    console.signal('SIGTERM');
    return await ran;
  };
  t.teardown(stop);
  return { line: console.printed, stop };
}

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-emulate-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('without flags it is CCS alone', async (t) => {
  const { line, stop } = await emulate(t, '--port', '0', '--control-port', '0');
  t.regex(line, /^emulator is ready: CCS on 127\.0\.0\.1:\d+, control on http:\/\/127\.0\.0\.1:\d+\n$/);
  t.is((await stop()).code, 0);
});

test('all three: each with its address, its control and its files', async (t) => {
  const folder = folderOf(t);
  const at = (name: string): string => join(folder, name);
  const { line, stop } = await emulate(
    t,
    ...['--ccs', '--port', '0', '--ca-file', at('ccs.pem')],
    ...['--fcm', '--fcm-port', '0', '--fcm-ca-file', at('fcm.pem'), '--credentials-file', at('account.json')],
    ...['--set', 'fcm.control_port=0', '--set', 'fcm.project=mine'],
    ...['--apns', '--apns-port', '0', '--apns-ca-file', at('apns.pem'), '--key-file', at('key.p8')],
    ...['--set', 'apns.key_id=ABCDEFGHIJ', '--set', 'emulator.apns.team_id=0123456789'],
    ...['--set', `apns.client_certificate_file=${at('client.pem')}`],
  );
  const [ccs = '', fcm = '', apns = ''] = line.trimEnd().replace('emulator is ready: ', '').split('; ');
  t.regex(ccs, /^CCS on 127\.0\.0\.1:\d+, authority in \S+ccs\.pem$/);
  t.regex(
    fcm,
    /^FCM on https:\/\/127\.0\.0\.1:\d+, control on http:\/\/\S+:\d+, authority in \S+fcm\.pem, credentials in \S+account\.json$/,
  );
  t.regex(
    apns,
    /^APNs on https:\/\/127\.0\.0\.1:\d+, authority in \S+apns\.pem, key ABCDEFGHIJ of team 0123456789 in \S+key\.p8, client certificate in \S+client\.pem$/,
  );
  const port = /https:\/\/127\.0\.0\.1:(\d+)/.exec(fcm)?.[1];
  t.like(JSON.parse(readFileSync(at('account.json'), 'utf8')), {
    project_id: 'mine',
    token_uri: `https://127.0.0.1:${port}/token`,
  });
  for (const name of ['ccs.pem', 'fcm.pem', 'apns.pem', 'key.p8', 'client.pem']) t.true(existsSync(at(name)), name);
  const control = /control on (\S+),/.exec(fcm)?.[1];
  t.is((await fetch(`${control}/stats`)).status, 200);
  t.is((await stop()).code, 0);
  await t.throwsAsync(fetch(`${control}/stats`));
});

test('options come from the section of a file, too', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'dev.yaml');
  writeFileSync(file, 'emulator:\n  latency: 5ms\n  fcm: { port: 0, max_streams: 7, control_port: 0 }\n');
  const { line } = await emulate(t, '--fcm', '--config', file);
  t.regex(line, /^emulator is ready: FCM on \S+, control on \S+\n$/);
  const control = /control on (\S+)/.exec(line)?.[1];
  t.like(await (await fetch(`${control}/faults`)).json(), { max_streams: 7, latency: 0 });
});

for (const [argv, message] of [
  [['--fcm', '--port', '0'], '--port needs --ccs'],
  [['--fcm', '--sender', '1=k'], '--sender needs --ccs'],
  [['--credentials-file', 'x'], '--credentials-file needs --fcm'],
  [['--fcm', '--key-file', 'x'], '--key-file needs --apns'],
  [['--set', 'fcm.prot=0'], 'emulator.fcm.prot: unknown key; did you mean port?'],
  [['--apns', '--set', 'apns.max_streams=0'], 'emulator.apns.max_streams'],
] as const) {
  test(`refused: ${argv.join(' ')}`, async (t) => {
    const { code, stderr, stdout } = await new Console().run(['emulate', ...argv]);
    t.is(code, 2);
    t.is(stdout, '');
    t.true(stderr.includes(message), stderr);
  });
}

test('a port that is taken: nothing of it stays', async (t) => {
  const { line } = await emulate(t, '--apns', '--apns-port', '0');
  const port = /:(\d+)/.exec(line.replace('https:', ''))?.[1] ?? '';
  const { code, stderr } = await new Console().run(['emulate', '--ccs', '--port', '0', '--apns', '--apns-port', port]);
  t.is(code, 1);
  t.regex(stderr, /EADDRINUSE/);
});
