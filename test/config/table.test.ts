import test from 'ava';
import { configTable, describeConfig, emulatorTable, loadConfig, table } from '../../src/config/index.ts';
import { fieldOf } from '../../src/config/walk.ts';
import { z } from '../../src/lib/schema.ts';
import { smallest } from './sample.ts';

const row = (key: string) => describeConfig().find((found) => found.key === key);

test('every key of the configuration has its row', (t) => {
  const keys = describeConfig().map(({ key }) => key);
  for (const key of [
    'log.level',
    'log.format',
    'store.url',
    'bal.host',
    'bal.port',
    'bal.tls.cert',
    'bal.tls.key',
    'bal.tls.client_ca',
    'bal.max_frame_bytes',
    'bal.logon_timeout',
    'bal.idle_timeout',
    'bal.write_timeout',
    'bal.ack_timeout',
    'bal.owner_grace',
    'sessions[].id',
    'sessions[].secret',
    'sessions[].providers',
    'sessions[].max_pending',
    'sessions[].max_inbox',
    'providers.<name>.type',
    'providers.<ccs>.sender_id',
    'providers.<ccs>.server_key',
    'providers.<ccs>.pool.window',
    'retry.base',
    'retry.cap',
    'retry.give_up_after',
    'admin.host',
    'admin.port',
    'stop_timeout',
  ]) {
    t.true(keys.includes(key), key);
  }
  t.is(new Set(keys).size, keys.length);
});

test('rows say type, default and meaning', (t) => {
  t.deepEqual(row('log.format'), {
    key: 'log.format',
    type: '`json`, `pretty`',
    default: 'json',
    meaning: 'one JSON object a line, or lines for people',
  });
  t.like(row('bal.ack_timeout'), { type: 'duration', default: '5m' });
  t.like(row('bal.idle_timeout'), { type: 'duration', default: '0' });
  t.like(row('sessions[].id'), { type: 'text', default: 'required' });
  t.like(row('sessions[].secret'), { type: 'secret', default: '' });
  t.like(row('sessions[].providers'), { type: 'list of texts', default: '' });
  t.like(row('bal.max_connections'), { type: 'number (1…100000)', default: '1000' });
  t.like(row('bal.allow_open_sessions'), { type: '`true`, `false`', default: 'false' });
  t.like(row('providers.<name>.type'), { default: 'the name' });
});

test('every key has a meaning', (t) => {
  for (const { key, meaning } of describeConfig()) t.not(meaning, '', key);
});

test('the defaults of the table are the defaults in effect', (t) => {
  const config = loadConfig({ text: smallest });
  for (const { key, default: text, type } of describeConfig()) {
    if (!/^(log|bal|retry|limits|admin|store)\.\w+$/.test(key) || text === '' || type === 'duration') continue;
    const [section = '', name = ''] = key.split('.');
    const value = (config as unknown as Record<string, Record<string, unknown>>)[section]?.[name];
    t.is(String(value), text, key);
  }
});

test('tables are Markdown', (t) => {
  t.is(table(['a', 'b'], [['1|2', 'x']]), '| a | b |\n| --- | --- |\n| 1\\|2 | x |');
  t.regex(configTable(), /^\| key \| type \| default \| meaning \|\n\| --- /);
  t.regex(emulatorTable(), /\| `emulator\.latency` \| duration \| `0` \|/);
});

test('wrappers are taken off a schema in any order', (t) => {
  t.like(fieldOf(z.string().default('x').describe('outer')), { fallback: 'x', optional: true, description: 'outer' });
  t.like(fieldOf(z.string().describe('inner').optional()), { optional: true, description: 'inner' });
  t.false(fieldOf(z.string()).optional);
  t.is(fieldOf(z.string().transform(Number).default(5)).fallback, 5);
});
