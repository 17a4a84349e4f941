import test from 'ava';
import { stanzas } from '../../protocols/ccs/elements.ts';
import { bench, message, pause, said, until } from './bench.ts';
import { BIND, MECHANISMS, type Peer, STREAM, SUCCESS } from './scripted-server.ts';

const upstream = (text: string): string =>
  `<message><gcm xmlns="google:mobile:data">${JSON.stringify({ from: 'device', message_id: 'u', category: 'app', data: { text } })}</gcm></message>`;

test('a multi-byte character split over TCP chunks arrives intact: a stanza cut at every byte', async (t) => {
  await using b = await bench();
  const bytes = Buffer.from(upstream('Grüße, 世界 👋 &amp; &#x1F600;'));
  const [peer] = b.server.peers;
  for (let cut = 1; cut < bytes.length; cut++) {
    peer?.write(bytes.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    peer?.write(bytes.subarray(cut));
  }
  await until(() => b.upstream.length === bytes.length - 1);
  for (const { data } of b.upstream) t.is(JSON.parse(data).data.text, 'Grüße, 世界 👋 & 😀');
});

test('a whole session byte by byte', async (t) => {
  const slowly = (peer: Peer, text: string): void => {
    for (const byte of Buffer.from(text)) peer.write(Uint8Array.of(byte));
  };
  await using b = await bench({
    script: {
      hello: (peer) => slowly(peer, `<?xml version='1.0'?>${STREAM}${MECHANISMS}`),
      auth: (peer) => slowly(peer, SUCCESS),
      restarted: (peer) => slowly(peer, `<?xml version='1.0'?>${STREAM}${BIND}`),
      message: (peer, m) =>
        slowly(
          peer,
          `<message><data:gcm xmlns:data="google:mobile:data">{"message_type":"ack","message_id":"${m.id}","from":"ü"}</data:gcm></message>`,
        ),
    },
  });
  const outcome = await b.send(message());
  t.is(outcome.kind === 'accepted' && JSON.parse(outcome.reply).from, 'ü');
});

test('max_stanza_bytes: at the limit it is taken, one past it closes the connection', async (t) => {
  await using b = await bench({ options: { max_stanza_bytes: 2_000 } });
  const [peer] = b.server.peers;
  const room = 2_000 - Buffer.byteLength(upstream(''));
  peer?.write(upstream('x'.repeat(room)));
  await until(() => peer?.acks.length === 1);
  peer?.write(upstream('x'.repeat(room + 1)));
  await until(() => peer?.closed);
  t.is(b.events.unreadable, 1);
  t.true(peer?.text.includes('<stream:error><policy-violation'));
  t.is(b.upstream.length, 1);
  await until(() => b.provider.pool().open === 1);
});

for (const [name, bytes] of [
  ['a wrong closing tag', '<message></massage>'],
  ['a comment', '<!-- hello -->'],
  ['an entity', '<message>&lol;</message>'],
  ['a document type', '<!DOCTYPE x>'],
  ['invalid UTF-8', Buffer.from('<message>\xff\xfe</message>', 'latin1')],
  ['text between stanzas', 'hello'],
  ['depth', '<a>'.repeat(100)],
] as const) {
  test(`unreadable XML ends the connection and nothing else: ${name}`, async (t) => {
    await using b = await bench();
    const sent = b.send(message());
    const [peer] = b.server.peers;
    await until(() => peer?.messages[0]);
    peer?.write(bytes);
    t.is((await sent).kind, 'unanswered');
    await until(() => peer?.closed);
    await until(() => b.provider.pool().open === 1);
    t.is(b.events.unreadable, 1);
  });
}

test('hostile payloads survive the way out: markup, quotes, characters that XML forbids', async (t) => {
  const data = { text: `</gcm></message>&amp;<x a="b" c='d'>]]>\ufffe\uffff\u0000\u001f\u2028\r\n\t`, emoji: '👋🏽' };
  await using b = await bench({ script: { message: (peer, m) => peer.ack(m) } });
  t.is((await b.send(message({ fcm: { data } }))).kind, 'accepted');
  t.deepEqual(b.server.peers[0]?.messages[0]?.json.data, data);
  t.false(/[\ufffe\uffff]/.test(b.server.peers[0]?.text ?? ''));
});

test('whatever else the server offers, it is TLS from the first byte and SASL PLAIN', async (t) => {
  const rich = MECHANISMS.replace(
    '<stream:features>',
    '<stream:features><starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"><required/></starttls><authentication xmlns="urn:xmpp:sasl:2"><mechanism>PLAIN</mechanism></authentication>',
  ).replace('<mechanism>PLAIN', '<mechanism>SCRAM-SHA-1</mechanism><mechanism>ANONYMOUS</mechanism><mechanism>PLAIN');
  await using b = await bench({
    script: {
      hello: (peer) => peer.write(STREAM + rich),
      restarted: (peer) => peer.write(STREAM + BIND.replace('<session', '<sm xmlns="urn:xmpp:sm:3"/><session')),
      message: (peer, m) => peer.ack(m),
    },
  });
  t.is((await b.send(message())).kind, 'accepted');
  const { text } = b.server.peers[0] ?? { text: '' };
  for (const word of ['starttls', 'urn:xmpp:sasl:2', 'urn:xmpp:sm:3', 'SCRAM', 'ANONYMOUS', '<presence']) {
    t.false(text.includes(word), word);
  }
});

test('features under another prefix are understood', async (t) => {
  await using b = await bench({
    script: {
      hello: (peer) =>
        peer.write(
          STREAM +
            MECHANISMS.replaceAll('stream:features', 'str:features').replace(
              '<str:features>',
              '<str:features xmlns:str="http://etherx.jabber.org/streams">',
            ),
        ),
    },
  });
  t.is(b.provider.pool().open, 1);
});

test('a server without PLAIN, without bind, or with a self-closed stream is refused at once', async (t) => {
  for (const [script, detail] of [
    [
      { hello: (peer: Peer) => peer.write(STREAM + MECHANISMS.replace('>PLAIN<', '>OTHER<')) },
      /does not offer SASL PLAIN/,
    ],
    [{ restarted: (peer: Peer) => peer.write(`${STREAM}<stream:features/>`) }, /does not offer resource binding/],
    [{ hello: (peer: Peer) => peer.write(STREAM.replace(/>$/, '/>')) }, /closed the connection during the login/],
  ] as const) {
    await using b = await bench({ wait: 0, script });
    await until(() => b.events.login_failed === 1);
    t.regex(b.provider.health().detail ?? '', detail);
  }
});

test('a ping of the server is answered, and other queries refused', async (t) => {
  await using b = await bench();
  const [peer] = b.server.peers;
  peer?.write('<iq type="get" id="p1" from="gcm.googleapis.com"><ping xmlns="urn:xmpp:ping"/></iq>');
  peer?.write('<iq type="get" id="q1"><query xmlns="jabber:iq:version"/></iq>');
  peer?.write('<iq type="get" id="x" from="@@@"><ping xmlns="urn:xmpp:ping"/></iq>');
  await until(() => peer?.text.includes('id="p1"') && peer.text.includes('id="q1"'));
  t.regex(peer?.text ?? '', /<iq [^>]*id="p1" type="result"/);
  await said(peer);
  t.is(b.provider.pool().open, 1);
});

test('upstream messages in the same chunk as the bind result are not lost', async (t) => {
  await using b = await bench({
    script: {
      bind: (peer, id) =>
        peer.write(
          `<iq type="result" id="${id}"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>1@gcm.googleapis.com/R</jid></bind></iq>${upstream('early')}`,
        ),
    },
  });
  await until(() => b.server.peers[0]?.acks.length === 1);
  t.is(b.upstream.length, 1);
});

test('a question that is not understood is answered in readable XML, whatever its prefixes', async (t) => {
  const answers: string[] = [];
  await using b = await bench({ script: { other: (_, text) => void answers.push(text) } });
  b.server.peers[0]?.write('<iq type="get" id="q" xmlns:a="u"><a:b a:c="d" xml:lang="e"/></iq>');
  await until(() => answers.length === 1);
  const [iq] = stanzas(answers[0] ?? '');
  t.like(iq?.attrs, { type: 'error', id: 'q' });
  t.true(iq?.firstElement?.is('b', 'u'));
});

test('a server that asks without end and reads nothing is not answered without end', async (t) => {
  const questions = 20_000;
  const answers = new Set<string>();
  await using b = await bench();
  const [peer] = b.server.peers;
  if (!peer) throw new Error('no connection');
  peer.socket.removeAllListeners('data');
  peer.socket.pause();
  const pad = 'x'.repeat(1_000);
  const flushed = new Promise((resolve) => {
    for (let i = 0; i < questions; i++) {
      const ping = `<iq type="get" id="${pad}-${i}"><ping xmlns="urn:xmpp:ping"/></iq>`;
      peer.socket.write(ping, i === questions - 1 ? resolve : undefined);
    }
  });
  await flushed;
  // A message behind all questions: when it has arrived, they have been read.
  peer.say({ from: 'device', message_id: 'u', category: 'app', data: {} });
  await until(() => b.upstream.length === 1, 'the message behind the questions', 30_000);
  let rest = '';
  let done = false;
  peer.socket.on('data', (chunk: string) => {
    rest += chunk;
    for (const [, id = ''] of rest.matchAll(/-(\d+)"/g)) answers.add(id);
    done ||= rest.includes('"last"');
    rest = rest.slice(-30);
  });
  peer.socket.resume();
  // What is asked once it has caught up is answered again.
  for (let i = 0; i < 100 && !done; i++) {
    peer.socket.write('<iq type="get" id="last"><ping xmlns="urn:xmpp:ping"/></iq>');
    await b.pass(100);
    await pause();
  }
  t.true(done);
  t.true(answers.size > 100 && answers.size < questions, `${answers.size} of ${questions} answered`);
});
