import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const run = promisify(execFile);

test('the demo shows its progress, its table and right sums, and exits with 0', async (t) => {
  const { stdout } = await run(process.execPath, [MAIN, 'demo', '--messages', '400']);
  t.regex(stdout, /at \d+ of 400 settled: one connection to the service drains/);
  t.regex(stdout, /at \d+ of 400 settled: one connection is dropped/);
  t.regex(stdout, /sent +400\n/);
  t.regex(stdout, /rejected BAD_REGISTRATION +20\n/);
  t.regex(stdout, /upstream +200\n/);
  t.regex(stdout, /every message has exactly one outcome, and the sums are right\n$/);
});

for (const provider of ['fcm', 'apns']) {
  test(`the same backends go through ${provider}, and devices speak over HTTP`, async (t) => {
    const { stdout } = await run(process.execPath, [MAIN, 'demo', '--messages', '400', '--provider', provider]);
    t.regex(stdout, /at \d+ of 400 settled: the service sends one connection away/);
    t.regex(stdout, /at \d+ of 400 settled: one connection is dropped/);
    t.regex(stdout, /sent +400\n/);
    t.regex(stdout, /rejected DEVICE_UNREGISTERED +20\n/);
    t.regex(stdout, /receipts +40\n/);
    t.regex(stdout, /upstream +200\n/);
    t.regex(stdout, /every message has exactly one outcome, and the sums are right\n$/);
  });
}

test('an unknown provider is a usage error that names those there are', async (t) => {
  const error = await t.throwsAsync(run(process.execPath, [MAIN, 'demo', '--provider', 'pigeon']));
  t.like(error, { code: 2 });
  t.regex(String(error?.message), /--provider must be one of: ccs, fcm, apns/);
});

test('a wrong number of messages is a usage error', async (t) => {
  const error = await t.throwsAsync(run(process.execPath, [MAIN, 'demo', '--messages', '3']));
  t.like(error, { code: 2 });
  t.regex(String(error?.message), /--messages/);
});
