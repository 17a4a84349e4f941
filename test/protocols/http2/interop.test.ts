import type { ServerHttp2Stream, Settings } from 'node:http2';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { nodePeer } from './node-peer.ts';

/** A body of so many bytes, in which no two pieces are the same. */
const body = (bytes: number) =>
  Array.from({ length: Math.ceil(bytes / 8) }, (_, i) => String(i).padStart(8))
    .join('')
    .slice(0, bytes);

const settings: [what: string, settings: Settings][] = [
  ['as they are by default', {}],
  ['windows of 100 bytes', { initialWindowSize: 100 }],
  ['windows that are closed at first', { initialWindowSize: 0 }],
  ['windows larger than all bodies', { initialWindowSize: 1_000_000 }],
];

for (const [what, first] of settings) {
  test(`bodies of all sizes go to Node's server and come back: ${what}`, async (t) => {
    const peer = nodePeer(first, 300_000);
    t.teardown(() => peer.close());
    peer.server.on('stream', async (stream: ServerHttp2Stream) => {
      const whole = await text(stream);
      stream.respond({ ':status': 200, 'content-length': whole.length });
      stream.end(whole);
    });
    const sizes = [0, 1, 99, 100, 101, 16_384, 16_385, 65_535, 65_536, 200_000];
    const results = sizes.map((size) => peer.post({ path: '/', headers: {}, body: body(size) }));
    await peer.change({ initialWindowSize: 50 }); // of what is under way as well: windows below 0
    await peer.change({ initialWindowSize: 70_000 });
    for (const [i, result] of (await Promise.all(results)).entries()) {
      if (result.kind !== 'response') return t.fail(result.because);
      t.true(result.response.body === body(sizes[i] ?? 0), `${sizes[i]} bytes`);
    }
    t.is(peer.session.exchanges.size, 0);
  });
}
