import test from 'ava';
import { type Peer, type Sent, scriptedServer } from '../../providers/ccs/scripted-server.ts';
import { begin, until } from './books.ts';

const WINDOW = 20;
const LIMIT = 4_000;

const wrap = (json: string): string => `<message><gcm xmlns="google:mobile:data">${json}</gcm></message>`;
const upstream = (id: string, pad = ''): string =>
  wrap(JSON.stringify({ from: 'device', message_id: id, category: 'com.example.app', data: { pad } }));
const sized = (id: string, bytes: number): string => upstream(id, 'x'.repeat(bytes - upstream(id).length));
/** Elements inside each other, within the stream itself. */
const nested = (depth: number): string => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** What may come between two stanzas of full windows, and the stream error that we answer with. */
const hostile: readonly [what: string, bytes: string | Uint8Array, condition: string][] = [
  ['a stanza one byte past the limit', sized('big', LIMIT + 1), 'policy-violation'],
  ['a stanza without an end', `<message>${'x'.repeat(3 * LIMIT)}`, 'policy-violation'],
  ['an attribute without an end', `<message a="${'x'.repeat(3 * LIMIT)}`, 'policy-violation'],
  ['elements one level too deep', `<message>${nested(31)}</message>`, 'policy-violation'],
  [
    'a hundred attributes',
    `<message ${Array.from({ length: 100 }, (_, n) => `a${n}="b"`).join(' ')}/>`,
    'policy-violation',
  ],
  ['NUL in a text', wrap('{"a":"\0"}'), 'not-well-formed'],
  ['NUL between stanzas', '\0', 'not-well-formed'],
  ['a reference to NUL', wrap('{"a":"&#0;"}'), 'not-well-formed'],
  [
    'half of a character',
    latin1('<message><gcm xmlns="google:mobile:data">\xe2\x82</gcm></message>'),
    'not-well-formed',
  ],
  ['an overlong slash', latin1('<message>\xc0\xaf</message>'), 'not-well-formed'],
  ['a surrogate in UTF-8', latin1('<message>\xed\xa0\x80</message>'), 'not-well-formed'],
  ['random bytes', latin1('\x8b\x1f\x00\xff\x7f<\xfe\xed'), 'not-well-formed'],
  ['TLS inside of TLS', latin1('\x16\x03\x01\x02\x00\x01\x00'), 'not-well-formed'],
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'not-well-formed'],
  ['a bomb of entities', '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>', 'restricted-xml'],
  ['an unknown prefix', '<x:message/>', 'bad-namespace-prefix'],
  ['a closing tag too many', '</message>', 'not-well-formed'],
];

test('[promise 3, 5, 6] bytes that no stanza has, over full windows: only their connection ends, its messages go again under the same id', async (t) => {
  let hold = true;
  const held = new Map<Peer, Sent[]>();
  const answer = (peer: Peer, m: Sent) => (hold ? held.set(peer, [...(held.get(peer) ?? []), m]) : peer.ack(m));
  await using server = await scriptedServer({ message: (peer, m) => void (m.json.message_type || answer(peer, m)) });
  const { story, books } = await begin(t, {
    pool: { min: 2, max: 2, window: WINDOW },
    ccs: { host: 'localhost', port: server.port, ca: server.ca, max_stanza_bytes: LIMIT },
    surroundings: { random: () => 0 },
  });
  for (const [what, bytes, condition] of hostile) {
    books.send(3 * WINDOW);
    const full = () => [...held].filter(([peer, sent]) => !peer.closed && sent.length === WINDOW);
    await until(() => full().length === 2, `full windows before ${what}`);
    const [[victim, lost] = [], [other, safe] = []] = full();
    victim?.write(bytes);
    await until(() => victim?.closed, `the end of a connection after ${what}`);
    t.regex(
      victim?.text ?? '',
      new RegExp(`<stream:error><${condition} [^>]*/></stream:error></stream:stream>$`),
      what,
    );
    t.false(other?.closed, what);
    hold = false;
    // Also on the connection that came in the victim's place, if it was that fast.
    for (const [peer, sent] of held) for (const m of sent) if (peer !== victim) peer.ack(m);
    held.clear();
    await books.settled();
    const carriers = (m: Sent) =>
      server.peers.filter(({ downstream }) => downstream.some(({ id }) => id === m.id)).length;
    t.true(
      lost?.every((m) => carriers(m) === 2),
      `${what}: what the connection carried went out once more`,
    );
    t.true(
      safe?.every((m) => carriers(m) === 1),
      `${what}: what the other carried did not`,
    );
    hold = true;
  }
  t.is(await story.metric('pushbridge_provider_events_total{provider="ccs",event="unreadable"}'), hostile.length);
  await books.check(t);
  t.deepEqual(books.upstream, []);
  await server[Symbol.asyncDispose]();
});

test('[promise 3, 5] the largest stanza, the deepest and the most split are taken: nothing ends, no answer is lost', async (t) => {
  const held: Sent[] = [];
  await using server = await scriptedServer({ message: (_, m) => void (m.json.message_type || held.push(m)) });
  const { story, books } = await begin(t, {
    pool: { min: 1, max: 1, window: WINDOW },
    ccs: { host: 'localhost', port: server.port, ca: server.ca, max_stanza_bytes: LIMIT },
  });
  books.send(WINDOW);
  await until(() => held.length === WINDOW, 'a full window');
  const [peer] = server.peers;
  peer?.write(sized('largest', LIMIT));
  peer?.write(`<message>${nested(30)}</message>`);
  // Acks cut at every byte, each cut in a write of its own.
  const acks = held.map((m) => wrap(JSON.stringify({ message_type: 'ack', from: 'Grüße 世界 👋', message_id: m.id })));
  const bytes = Buffer.from(acks.join(' '));
  const size = Buffer.byteLength(acks[0] ?? '') + 1;
  // Chunks that are one byte longer than a stanza wander through every place at which one can be cut.
  for (let at = 0; at < size; at++) peer?.write(bytes.subarray(at, at + 1));
  for (let at = size; at < bytes.length; at += size - 1) {
    await new Promise((resolve) => setImmediate(resolve));
    peer?.write(bytes.subarray(at, at + size - 1));
  }
  await books.check(t);
  await until(() => books.upstream.includes('largest'), 'the largest');
  t.is(server.peers.length, 1);
  t.like(await story.pool(), { used: 0, open: 1 });
  await server[Symbol.asyncDispose]();
});
