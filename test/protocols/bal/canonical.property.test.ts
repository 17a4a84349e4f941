import test from 'ava';
import { canonicalJson } from '../../../src/lib/canonical-json.ts';
import { digest } from '../../../src/protocols/bal/index.ts';
import { fc, holds, jsonObject, same } from '../../properties.ts';

/** The same object, its keys in another order at every level. */
function shuffled(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(shuffled);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, shuffled(item)]),
  );
}

const name = fc.option(fc.string(), { nil: undefined });

test('[BAL §Downstream rules] the order of keys makes no other message', (t) => {
  holds(t, fc.tuple(jsonObject(4), name, name), ([data, group, provider]) => {
    same(digest(shuffled(data) as typeof data, group, provider), digest(data, group, provider));
  });
});

test('[BAL §Downstream rules] other content, another group or another provider is another message', (t) => {
  const message = fc.tuple(jsonObject(3), name, name);
  holds(t, fc.tuple(message, message), ([a, b]) => {
    const [left, right] = [a, b].map(([data, group = null, provider = null]) => canonicalJson([data, group, provider]));
    same(digest(...a) === digest(...b), left === right);
  });
});

test('canonical JSON means what the value means', (t) => {
  holds(t, jsonObject(4), (data) => same(JSON.parse(canonicalJson(data)), JSON.parse(JSON.stringify(data))));
});
