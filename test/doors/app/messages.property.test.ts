import test from 'ava';
import { receiptBody, upstreamBody } from '../../../src/doors/app/messages.ts';
import { upstreamJson } from '../../../src/protocols/ccs/index.ts';
import { type Arbitrary, anyText, fc, holds, same } from '../../properties.ts';

const MAX_BYTES = 60;
const upstream = upstreamBody(MAX_BYTES);

/** Fields of the right names and of any kind, some missing, now and then one more. */
const likeFields = (names: readonly string[]): Arbitrary<unknown> =>
  fc.record(Object.fromEntries(names.map((name) => [name, fc.oneof(anyText(), fc.jsonValue(), fc.nat())])), {
    requiredKeys: [],
  });

test('whatever comes is taken or refused with words, and never more than that', (t) => {
  const anything = fc.oneof(
    fc.jsonValue(),
    likeFields(['from', 'category', 'message_id', 'data', 'time_to_live', 'more']),
    likeFields(['from', 'category', 'receipt', 'status', 'timestamp', 'more']),
  );
  holds(t, anything, (value) => {
    for (const schema of [upstream, receiptBody]) {
      const { error } = schema.safeParse(value);
      if (error)
        same(
          error.issues.every(({ message }) => message.length > 0),
          true,
        );
    }
  });
});

test('what is taken is handed on as it came, and keeps to its limits', (t) => {
  const id = anyText(5);
  const messages = fc.record(
    {
      from: id,
      category: id,
      message_id: id,
      data: fc.dictionary(anyText(5), anyText(30)),
      time_to_live: fc.integer({ min: -1, max: 2_419_201 }),
    },
    { requiredKeys: ['from', 'category', 'message_id', 'data'] },
  );
  let taken = 0;
  holds(
    t,
    messages,
    (message) => {
      const { data: body } = upstream.safeParse(message);
      if (!body) return;
      taken++;
      const { from, category, message_id, data, time_to_live } = body;
      const life = time_to_live === undefined ? {} : { timeToLive: time_to_live };
      same(
        JSON.parse(upstreamJson({ from, category, messageId: message_id, data, ...life })),
        JSON.parse(JSON.stringify(message)),
      );
      same(
        [from, category, message_id].every((text) => text.isWellFormed() && text !== ''),
        true,
      );
      same(Buffer.byteLength(Object.entries(data).flat().join('')) <= MAX_BYTES, true);
    },
    2_000,
  );
  t.true(taken > 20, String(taken));
});
