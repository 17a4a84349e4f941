import test from 'ava';
import { formatDuration, parseDuration } from '../../src/lib/schema.ts';
import { anyText, fc, holds, same } from '../properties.ts';

test('a duration that was printed is read as the same', (t) => {
  holds(t, fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs)), (ms) => same(parseDuration(formatDuration(ms)), ms));
});

test('any text is a whole number of milliseconds, not negative, or no duration', (t) => {
  const number = fc.oneof(
    fc.double().map(String),
    fc.nat().map(String),
    fc.constantFrom('1e3', '0x10', '-1', ' 1', '9'.repeat(400)),
  );
  const written = fc
    .tuple(number, fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w', '', 'S', 'min'))
    .map((parts) => parts.join(''));
  holds(t, fc.oneof(anyText(), written), (text) => {
    const ms = parseDuration(text);
    if (ms !== undefined) same(Number.isSafeInteger(ms) && ms >= 0, true);
  });
});
