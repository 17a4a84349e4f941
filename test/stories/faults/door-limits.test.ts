import test from 'ava';
import { type Encoding, encodings } from '../../../src/protocols/bal/index.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { Backend, brief, bytesOf, downstream, type Json, startBridge, until } from '../../doors/bal/harness.ts';
import { Story } from '../harness.ts';

const LIMIT = 2_000;
const HEADER_BYTES = 4;

/** A DOWNSTREAM whose body has so many bytes, or as few more as its encoding can do. */
function frameOf(bytes: number, encoding: Encoding): Buffer {
  for (let filler = bytes / 2; ; filler++) {
    const frame = bytesOf(downstream('m', {}, { data: { text: 'x'.repeat(filler) } }), encoding);
    if (frame.length - HEADER_BYTES >= bytes) return frame;
  }
}

for (const encoding of encodings) {
  test(`[promise 5] ${encoding}: a frame of exactly max_frame_bytes is taken, the next larger one ends its connection alone`, async (t) => {
    const bridge = await startBridge(t, {
      options: { max_frame_bytes: LIMIT },
      provider: new FakeProvider('fake', 100, accept),
    });
    const neighbour = await bridge.logOn({}, { encoding });
    const backend = await bridge.logOn({}, { encoding });
    const largest = frameOf(LIMIT, encoding);
    t.is(largest.length, HEADER_BYTES + LIMIT);
    // Whole, and in two halves: it must not matter how it comes.
    backend.raw(largest);
    t.deepEqual(brief([await backend.next()]), ['DOWNSTREAM_ACK m']);
    backend.raw(largest.subarray(0, 1_000));
    await until(() => backend.socket.writableLength === 0);
    backend.raw(largest.subarray(1_000));
    t.deepEqual(brief([await backend.next()]), ['DOWNSTREAM_ACK m'], 'a repeat: the same outcome');
    const larger = frameOf(LIMIT + 1, encoding);
    t.true(larger.length <= HEADER_BYTES + LIMIT + 4);
    backend.raw(larger);
    t.deepEqual(brief(await backend.untilEnd()), ['ERROR FRAME_TOO_LARGE']);
    t.deepEqual(brief(await neighbour.take(1)), ['DOWNSTREAM_ACK m'], 'its unacknowledged frame goes to the neighbour');
  });
}

test('[promise 5] the payload that the service takes, and one byte more, in every encoding', async (t) => {
  const story = await Story.start();
  t.teardown(() => story.stop());
  const data = (bytes: number) => ({ ü: 'x'.repeat(bytes - 2) });
  for (const [name, to, limit] of [
    ['device', 'token', 4_096],
    ['topic', '/topics/news', 2_048],
  ] as const) {
    for (const encoding of encodings) {
      const backend = await Backend.connect(story.app.balPort, { encoding });
      t.teardown(() => backend.destroy());
      backend.send({ message_type: 'LOGON', session_id: 'com.example.app' });
      t.is((await backend.next()).status, 'SUCCESS');
      const id = `${name}-${encoding}`;
      backend.send(downstream(`${id}-at`, {}, { to, data: data(limit) }));
      t.like(await backend.next(), { message_type: 'DOWNSTREAM_ACK', message_id: `${id}-at` });
      backend.send(downstream(`${id}-beyond`, {}, { to, data: data(limit + 1) }));
      const refused: Json = { message_type: 'DOWNSTREAM_REJECT', error: 'PAYLOAD_TOO_LARGE', taken: false };
      t.like(await backend.next(), { ...refused, message_id: `${id}-beyond` });
    }
  }
  t.is(story.emulator.control.stats().received, 6, 'what is too large does not reach the service');
});
