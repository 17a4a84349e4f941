import test from 'ava';
import { loadConfig, type Override } from '../../src/config/index.ts';
import { parseKey } from '../../src/config/overrides.ts';
import { ccs, problemsOf, smallest } from './sample.ts';

const set = (...pairs: string[]): Override[] =>
  pairs.map((pair) => {
    const [key = '', ...rest] = pair.split('=');
    return { key, value: rest.join('='), flag: '--set' };
  });

test('both ways to name an entry of a list', (t) => {
  t.deepEqual(parseKey('sessions[0].id'), ['sessions', 0, 'id']);
  t.deepEqual(parseKey('sessions.0.id'), ['sessions', 0, 'id']);
  for (const key of ['', '.', 'a.', '.a', 'a..b']) t.is(parseKey(key), undefined);
});

test('flags win over the file, the last one over the others', (t) => {
  const text = `${smallest}bal: { port: 1, host: localhost }\n`;
  const config = loadConfig(
    { text },
    { overrides: set('bal.port=2', 'bal.port=3', 'retry.cap=5m', 'providers.ccs.pool.max=7', 'log.level=debug') },
  );
  t.like(config, { bal: { port: 3, host: 'localhost' }, retry: { cap: 300_000 }, log: { level: 'debug' } });
  t.is(ccs(config)?.pool.max, 7);
});

test('flags alone can be the whole configuration, secrets by reference', (t) => {
  const config = loadConfig(
    { flags: true },
    {
      env: { KEY: 'hush' },
      overrides: set(
        'sessions[0].id=a',
        'sessions[0].secret=b=c',
        'sessions[0].providers=[main]',
        'sessions[1].id=5',
        'providers.main.type=ccs',
        'providers.main.sender_id=12',
        `providers.main.server_key=\${KEY}`,
      ),
    },
  );
  t.is(config.sessions[0]?.secret?.reveal(), 'b=c');
  t.deepEqual(config.sessions[0]?.providers, ['main']);
  t.is(config.sessions[1]?.id, '5');
  t.is(ccs(config, 'main')?.server_key.reveal(), 'hush');
});

test('a list or a map is given as YAML', (t) => {
  const config = loadConfig(
    { flags: true },
    { overrides: set('sessions=[{ id: a }, { id: b }]', 'providers={ ccs: { sender_id: "1", server_key: k } }') },
  );
  t.deepEqual(
    config.sessions.map(({ id }) => id),
    ['a', 'b'],
  );
});

test('what is wrong with a flag is told with the flag', (t) => {
  const wrong = (...pairs: string[]) => problemsOf(smallest, { overrides: set(...pairs) });
  t.deepEqual(wrong('bal.port=x'), ['--set bal.port: must be a number, not a text']);
  t.deepEqual(wrong('bal.prot=1'), ['--set bal.prot: unknown key; did you mean port?']);
  t.deepEqual(wrong('ball.port=1'), ['--set ball.port: unknown key; did you mean bal?']);
  t.deepEqual(wrong('bal..port=1'), ['--set bal..port: is no key; keys look like bal.port or sessions[0].id']);
  t.deepEqual(wrong('sessions[2].id=x'), ['--set sessions[2].id: the list has only 1 entries']);
  t.deepEqual(wrong('sessions.id=x'), ['--set sessions.id: needs the position in the list, such as sessions[0]']);
  t.deepEqual(wrong('stop_timeout.a=x'), ['--set stop_timeout: must be a duration such as 250ms, 10s, 5m, 1h or 4w']);
  t.deepEqual(wrong(`bal.port=\${GONE}`), ['--set bal.port: the environment variable GONE is not set']);
  t.regex(wrong('sessions[0].providers=[').join(), /^--set sessions\[0\]\.providers: is not valid YAML/);
  t.deepEqual(wrong('sessions[0].providers=[a]'), ['--set sessions[0].providers[0]: no such provider']);
});

test('a flag can not reach into a text', (t) => {
  const text = `${smallest}stop_timeout: 5s\n`;
  t.deepEqual(problemsOf(text, { overrides: set('stop_timeout.a=1') }), [
    '--set stop_timeout.a: stop_timeout is neither a map nor a list',
  ]);
});

test('keys of prototypes are keys like any other', (t) => {
  t.regex(problemsOf(smallest, { overrides: set('__proto__.x=1') }).join(), /--set __proto__\.x: unknown key/);
  t.regex(problemsOf(smallest, { overrides: set('bal.__proto__.x=1') }).join(), /--set bal\.__proto__: unknown key/);
  t.is(({} as Record<string, unknown>).x, undefined);
});
