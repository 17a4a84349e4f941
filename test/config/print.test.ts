import test from 'ava';
import { loadConfig, printConfig } from '../../src/config/index.ts';
import { smallest } from './sample.ts';

test('the effective configuration is printed with every key, durations as they are written', (t) => {
  const text = printConfig(loadConfig({ text: `${smallest}retry: { cap: 90s }\nbal: { ack_timeout: 600s }\n` }));
  for (const line of [
    'retry:\n  base: 1s\n  cap: 90s\n',
    '  ack_timeout: 10m\n',
    '  idle_timeout: 0\n',
    '  inbox_ttl: 4w\n',
    'providers:\n  ccs:\n    type: ccs\n',
    '    sender_id: "1234"\n',
    'stop_timeout: 15s\n',
  ]) {
    t.true(text.includes(line), line);
  }
});

test('secrets are hidden', (t) => {
  const text = printConfig(loadConfig({ text: smallest }));
  t.notRegex(text, /sesame|hush/);
  t.is(text.match(/"?\[hidden\]"?/g)?.length, 2);
});

test('what is printed without secrets reads as the same configuration', (t) => {
  const config = loadConfig({
    text: `${smallest}bal: { port: 1, tls: { cert: a, key: b } }\nretry: { give_up_after: 1d }\n`,
  });
  const again = loadConfig({ text: printConfig(config) });
  t.is(printConfig(again), printConfig(config));
});

test('the emulator is no part of the bridge', (t) => {
  const text = printConfig(loadConfig({ text: `${smallest}emulator: { senders: { "1": sesame } }\n` }));
  t.notRegex(text, /emulator|sesame/);
});
