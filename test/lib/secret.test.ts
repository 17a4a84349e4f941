import { format, inspect } from 'node:util';
import test from 'ava';
import { HIDDEN, Secret, sameText, shorten } from '../../src/lib/secret.ts';

test('a secret shows itself nowhere but in reveal', (t) => {
  const secret = new Secret('open sesame');
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify(secret),
    JSON.stringify({ inner: [secret] }),
    inspect(secret),
    inspect({ inner: { secret } }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    Object.entries(secret).join(),
    new Error(`wrong: ${secret}`).message,
  ];
  for (const text of shown) t.notRegex(text, /sesame/);
  t.regex(shown[0] ?? '', /^\[hidden\]$/);
  t.is(String(secret), HIDDEN);
  t.is(secret.reveal(), 'open sesame');
});

test('a token is shortened so that it can be found again and not be used', (t) => {
  const token = 'bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1';
  const short = shorten(token);
  t.is(short, 'bk3RNwTe…Q3P1');
  t.is(shorten('123456789012'), '123…');
  t.is(shorten('1234567890123'), '12345678…0123');
});

test('texts are the same or not, whatever their lengths', (t) => {
  t.true(sameText('', ''));
  t.true(sameText('ü', 'ü'));
  for (const [one, other] of [
    ['a', 'b'],
    ['a', 'ab'],
    ['', 'a'],
    ['\ud800', 'a'],
  ] as const) {
    t.false(sameText(one, other));
  }
});
