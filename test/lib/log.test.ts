import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { reason, silentLog } from '../../src/lib/log.ts';

const module = fileURLToPath(new URL('../../src/lib/log.ts', import.meta.url));
const secretModule = fileURLToPath(new URL('../../src/lib/secret.ts', import.meta.url));

/** Logs in a process of its own: where the lines end up is what is tested. */
function lines(level: string, shape: string, code: string): { stderr: string[]; stdout: string } {
  const script = `
    import { createLog } from ${JSON.stringify(module)};
    import { Secret } from ${JSON.stringify(secretModule)};
    const log = createLog(${JSON.stringify(level)}, ${JSON.stringify(shape)});
    ${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
  });
  return { stdout, stderr: stderr.split('\n').filter(Boolean) };
}

test('json lines go to standard error and carry event, level, time and facts', (t) => {
  const { stdout, stderr } = lines('info', 'json', `log.child({ provider: 'ccs' }).warn('lost', { lane: 3 });`);
  t.is(stdout, '');
  const line = JSON.parse(stderr[0] ?? '');
  t.like(line, { level: 'warn', message: 'lost', provider: 'ccs', lane: 3 });
  t.regex(line.timestamp, /^\d{4}-\d\d-\d\dT/);
});

test('lines below the level are not written', (t) => {
  const { stderr } = lines('warn', 'json', `log.debug('a'); log.info('b'); log.warn('c'); log.error('d');`);
  t.deepEqual(
    stderr.map((line) => JSON.parse(line).message),
    ['c', 'd'],
  );
});

test('an error among the facts shows its message, a secret nothing', (t) => {
  const code = `log.error('failed', { error: new Error('no route'), secret: new Secret('sesame'), in: { s: new Secret('sesame') } });`;
  for (const shape of ['json', 'pretty']) {
    const text = lines('info', shape, code).stderr.join('\n');
    t.regex(text, /no route/);
    t.notRegex(text, /sesame/);
  }
});

test('pretty lines are for people', (t) => {
  const [line] = lines('info', 'pretty', `log.info('ready', { port: 5290, host: 'localhost' });`).stderr;
  t.regex(line ?? '', /^\d\d:\d\d:\d\d\.\d{3} info {2}ready {2}port=5290 host=localhost$/);
});

test('reason finds the message of whatever was thrown', (t) => {
  t.is(reason(new Error('a')), 'a');
  t.is(reason('b'), 'b');
  t.is(reason(undefined), 'undefined');
  t.is(reason(new AggregateError([new Error('x'), new Error('y')])), 'x; y');
  t.is(reason(new AggregateError([new Error('x')], 'all')), 'all');
});

test('the silent log has silent children', (t) => {
  t.is(silentLog.child({ a: 1 }), silentLog);
  t.notThrows(() => silentLog.error('x'));
});
