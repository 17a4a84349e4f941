import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { createCertificate } from '../../../src/emulator/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { ClientStream, type LoginError, type LoginOptions, logIn } from '../../../src/protocols/xmpp/index.ts';

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' id='1' version='1.0'>";
const STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
const BIND = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const features = (inner: string) => `${HEADER}<stream:features>${inner}</stream:features>`;
const mechanisms = (...names: string[]) =>
  `<mechanisms xmlns='${SASL}'>${names.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms>`;
const certificate = createCertificate({
  names: ['localhost'],
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + 3_600_000),
});
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What was read since the last question. */
class Talk {
  #text = '';
  #more = Promise.withResolvers<void>();
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#text += chunk;
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    });
  }

  /** Waits for `pattern`, forgets all before its end, and answers. */
  async after(pattern: RegExp, answer: string): Promise<RegExpExecArray> {
    for (let found = pattern.exec(this.#text); ; found = pattern.exec(this.#text)) {
      if (found) {
        this.#text = this.#text.slice(found.index + found[0].length);
        if (answer) this.#socket.write(answer);
        return found;
      }
      await this.#more.promise;
    }
  }
}

/** Logs in at a server that plays `script`. */
async function login(t: ExecutionContext, script: (socket: Socket) => Promise<void>, more: Partial<LoginOptions> = {}) {
  const server = createServer((socket) => void script(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const stream = new ClientStream(
    { clock: systemClock, maxStanzaBytes: 65_536, closeMs: 100 },
    { onMessage() {}, onEnd() {}, onFault: (error) => t.fail(String(error)) },
  );
  t.teardown(() => stream.destroy());
  return logIn(stream, {
    clock: systemClock,
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    domain: 'localhost',
    username: 'romeo',
    password: new Secret('pencïl'),
    credentials: 'user name or password',
    mechanisms: ['SCRAM-SHA-1', 'PLAIN'],
    security: 'starttls',
    serverName: 'localhost',
    resource: 'desk',
    ca: certificate.ca,
    timeoutMs: 20_000,
    ...more,
  });
}

const secured = (socket: Socket): TLSSocket => {
  socket.removeAllListeners('data');
  return new TLSSocket(socket, { isServer: true, key: certificate.key, cert: certificate.cert });
};

async function bind(talk: Talk): Promise<void> {
  await talk.after(/<stream:stream[^>]*>/, features(BIND));
  const [, id] = await talk.after(/<iq[^>]*\bid="([^"]+)"[^>]*>.*<resource>desk<\/resource>.*<\/iq>/, '');
  const jid = '<jid>romeo@localhost/desk</jid>';
  await talk.after(
    /^/,
    `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${jid}</bind></iq>`,
  );
}

test('STARTTLS, then SCRAM-SHA-1, then the resource that was asked for', async (t) => {
  const jid = await login(t, async (bare) => {
    const clear = new Talk(bare);
    await clear.after(/<stream:stream[^>]*to="localhost"[^>]*>/, features(STARTTLS + mechanisms('PLAIN')));
    // What stands behind the word in the clear, anybody may have put there: it is not read.
    await clear.after(/<starttls [^>]*\/>/, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    const talk = new Talk(secured(bare));
    await talk.after(/<stream:stream[^>]*>/, features(mechanisms('PLAIN', 'SCRAM-SHA-1')));
    const [, first = ''] = await talk.after(/<auth [^>]*mechanism="SCRAM-SHA-1"[^>]*>([^<]+)<\/auth>/, '');
    const [, bareFirst = ''] = /^n,,(.*)$/.exec(Buffer.from(first, 'base64').toString()) ?? [];
    const [, nonce = ''] = /r=(.*)$/.exec(bareFirst) ?? [];
    const challenge = `r=${nonce}server,s=${base64('salt')},i=4096`;
    await talk.after(/^/, `<challenge xmlns='${SASL}'>${base64(challenge)}</challenge>`);
    const [, last = ''] = await talk.after(/<response [^>]*>([^<]+)<\/response>/, '');
    const [, without = '', proof = ''] = /^(.*),p=(.*)$/.exec(Buffer.from(last, 'base64').toString()) ?? [];
    // [RFC 5802 §3]
    const salted = pbkdf2Sync('pencïl', 'salt', 4096, 20, 'sha1');
    const clientKey = createHmac('sha1', salted).update('Client Key').digest();
    const stored = createHash('sha1').update(clientKey).digest();
    const signature = createHmac('sha1', stored).update(`${bareFirst},${challenge},${without}`).digest();
    t.is(proof, Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64'));
    await talk.after(/^/, `<success xmlns='${SASL}'/>`);
    await bind(talk);
  });
  t.is(jid, 'romeo@localhost/desk');
});

test('what a stranger puts behind the word for TLS is not read', async (t) => {
  const seen: string[] = [];
  const failure = await t.throwsAsync<LoginError>(
    login(t, async (bare) => {
      const clear = new Talk(bare);
      await clear.after(/<stream:stream[^>]*>/, features(STARTTLS));
      const injected = features(mechanisms('PLAIN'));
      await clear.after(/<starttls [^>]*\/>/, `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>${injected}`);
      const tls = secured(bare);
      tls.on('error', () => {});
      const talk = new Talk(tls);
      seen.push((await talk.after(/<[^?][^>]*>/, ''))[0]);
      tls.destroy();
    }),
  );
  t.regex(seen[0] ?? '', /^<stream:stream /);
  t.is(failure?.fault, 'unreachable');
});

test('without TLS nothing is told', async (t) => {
  for (const [offer, message] of [
    [mechanisms('PLAIN'), 'the server does not offer STARTTLS'],
    [STARTTLS, 'the server refused STARTTLS'],
  ] as const) {
    const script = async (bare: Socket) => {
      const talk = new Talk(bare);
      await talk.after(/<stream:stream[^>]*>/, features(offer));
      if (offer === STARTTLS) await talk.after(/<starttls/, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    };
    await t.throwsAsync(login(t, script), { message });
  }
});

test('a certificate of another domain is none', async (t) => {
  const script = async (bare: Socket) => {
    const clear = new Talk(bare);
    await clear.after(/<stream:stream[^>]*>/, features(STARTTLS));
    await clear.after(/<starttls [^>]*\/>/, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    secured(bare).on('error', () => {});
  };
  const failure = await t.throwsAsync<LoginError>(login(t, script, { serverName: 'other.example' }));
  t.is(failure?.fault, 'certificate');
});

test('a server that asks for endless rounds of SCRAM is refused', async (t) => {
  const script = async (bare: Socket) => {
    const talk = new Talk(bare);
    await talk.after(/<stream:stream[^>]*>/, features(mechanisms('SCRAM-SHA-1')));
    await talk.after(/<auth /, `<challenge xmlns='${SASL}'>${base64('r=x,s=c2FsdA==,i=100001')}</challenge>`);
  };
  await t.throwsAsync(login(t, script, { security: 'none' }), {
    message: 'the server asks for more than 100000 rounds of SCRAM',
  });
});

test('a wrong password is called by the names that were given', async (t) => {
  const script = async (bare: Socket) => {
    const talk = new Talk(bare);
    await talk.after(/<stream:stream[^>]*>/, features(mechanisms('PLAIN')));
    await talk.after(/<auth /, `<failure xmlns='${SASL}'><not-authorized/></failure>`);
  };
  await t.throwsAsync(login(t, script, { security: 'none' }), {
    message: 'the server refused the user name or password: not-authorized',
  });
});
