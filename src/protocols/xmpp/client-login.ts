import { EventEmitter } from 'node:events';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { client, type LibraryElement, xml } from '@xmpp/client';
import type { Clock } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { reason } from '../../lib/log.ts';
import type { Secret } from '../../lib/secret.ts';
import type { ClientStream, StreamEnd } from './client-stream.ts';
import type { XmlElement } from './element.ts';
import { NS } from './namespaces.ts';
import { startTls } from './start-tls.ts';

export interface LoginOptions {
  readonly clock: Clock;
  readonly host: string;
  readonly port: number;
  /** The XMPP domain, which need not be the host's name. */
  readonly domain: string;
  /** The whole SASL authcid, such as `123@gcm.googleapis.com`. */
  readonly username: string;
  readonly password: Secret;
  /** How errors call the two. By default those of FCM: `sender id or server key`. */
  readonly credentials?: string;
  /** SASL mechanisms, the best first; the first that the server offers is taken. By default PLAIN alone. */
  readonly mechanisms?: readonly Mechanism[];
  /** `tls` from the first byte (default), `starttls`, or `none` for tests on the own machine. */
  readonly security?: 'tls' | 'starttls' | 'none';
  /** Whose certificate the server must have; by default that of `host`. */
  readonly serverName?: string;
  /** The resource that is asked for; by default the server chooses. */
  readonly resource?: string;
  /** Sees each `<iq>` before the library does; true takes it. */
  readonly onIq?: (iq: XmlElement) => boolean;
  /** PEM; in place of the system's authorities. */
  readonly ca?: string;
  /** For the whole login, in milliseconds. */
  readonly timeoutMs: number;
}

export type Mechanism = 'SCRAM-SHA-1' | 'PLAIN';

/**
 * `auth`: the server does not know us. `unreachable`: no connection. `refused`: it did not want to talk with us.
 * `certificate`: it could not prove who it is, and was told nothing.
 */
export type LoginFault = 'auth' | 'unreachable' | 'refused' | 'certificate';

export class LoginError extends Error {
  readonly fault: LoginFault;

  constructor(fault: LoginFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LoginError';
    this.fault = fault;
  }
}

/** Bytes waiting for a server that does not read, beyond which its questions are no longer answered. */
const ANSWERS_MAX = 1_048_576;

/** Rounds of SCRAM beyond which a server wants to keep us busy: RFC 7677 recommends 4,096 at least, servers use 10,000. */
const ITERATIONS_MAX = 100_000;

type Phase = 'connecting' | 'opening' | 'authenticating' | 'binding' | 'online';

/**
 * Logs `stream` in: TLS, SASL, resource binding, nothing else, whatever the server offers. The library
 * negotiates; it sees only what it needs for that, afterwards only `<iq>`s, which it answers (pings among them).
 * @returns the full JID that the server bound
 * @throws LoginError; the stream is destroyed then
 */
export async function logIn(stream: ClientStream, options: LoginOptions): Promise<string> {
  const { host, port, domain, timeoutMs, resource, mechanisms = ['PLAIN'], security = 'tls' } = options;
  const { serverName = host, credentials: named = 'sender id or server key' } = options;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const online = Promise.withResolvers<string>();
  let phase: Phase = 'connecting';
  const service = `xmpps://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const entity = client({
    service,
    domain,
    timeout: timeoutMs,
    ...(resource !== undefined && { resource }),
    async credentials(authenticate, [mechanism = 'PLAIN']) {
      phase = 'authenticating';
      const password = options.password.reveal();
      // SCRAM digests the password, as UTF-8; what goes over the wire the library encodes as if it were bytes.
      const given = mechanism === 'PLAIN' ? bytesAsCharacters(password) : password;
      await authenticate({ username: bytesAsCharacters(options.username), password: given }, mechanism);
    },
  });
  // We reconnect ourselves: the library waits one fixed second.
  entity.reconnect.stop();
  entity.on('error', (error: unknown) => failed.reject(explain(error, phase)));
  entity.once('online', (jid) => online.resolve(String(jid)));

  let socket: ClientSocket | undefined;
  let parser: EventEmitter | undefined;
  class ClientSocket extends EventEmitter {
    readonly secure = true;
    connect(): void {
      socket = this;
      // [RFC 6066 §3] no literal addresses as server name; the certificate is checked against the host all the same.
      const name = isIP(serverName) ? {} : { servername: serverName };
      const ca = options.ca === undefined ? {} : { ca: options.ca };
      const tls = { host, port, ...name, ...ca };
      if (security === 'tls') stream.connect(() => connectTls(tls), 'secureConnect', negotiation);
      else {
        const next = security === 'none' ? negotiation : startTls(stream, domain, tls, negotiation, refuse);
        stream.connect(() => connectTcp({ host, port }), 'connect', next);
      }
    }
    write(text: string, done?: (error?: Error) => void): void {
      const taken = stream.send(text);
      done?.(taken ? undefined : new Error('the stream is closed'));
    }
    end(): void {
      void stream.close();
    }
  }
  class ClientParser extends EventEmitter {
    constructor() {
      super();
      parser = this;
    }
  }
  const refuse = (why: string): void => failed.reject(new LoginError('refused', why));
  const negotiation = {
    onConnect(): void {
      phase = 'opening';
      socket?.emit('connect');
    },
    onStart: () => void parser?.emit('start', xml('stream', {}, [])),
    onElement(element: XmlElement): void {
      if (stream.backlog > ANSWERS_MAX) return;
      const bound = phase === 'binding' || phase === 'online';
      if (bound && element.is('iq', NS.client) && options.onIq?.(element)) return;
      const wanted = select(element, phase, mechanisms, named);
      if (wanted instanceof LoginError) failed.reject(wanted);
      else if (wanted) {
        if (element.is('success', NS.sasl)) {
          phase = 'binding';
          stream.restart();
        }
        parser?.emit('element', wanted);
      }
    },
    onEnd(end: StreamEnd): void {
      failed.reject(endedEarly(end, phase, named));
    },
  };
  const Base = entity.transports.find((transport) => transport.prototype.socketParameters(service) !== undefined);
  if (!Base) throw new TypeError('the XMPP library has no transport for direct TLS');
  const Transport = class extends Base {};
  Object.assign(Transport.prototype, { Socket: ClientSocket, Parser: ClientParser });
  entity.transports = [Transport];

  const negotiate = async (): Promise<string> => {
    await entity.connect(service);
    await entity.open({ domain });
    return await online.promise;
  };
  try {
    const jid = await deadline(options.clock, Promise.race([negotiate(), failed.promise]), timeoutMs, 'login');
    phase = 'online';
    return jid;
  } catch (error) {
    const fault = explain(error, phase);
    stream.destroy();
    // Ends the library's own waits and their timers, which would keep the process alive.
    entity.emit('error', fault);
    for (const { reject } of entity.iqCaller.handlers.values()) reject(fault);
    throw fault;
  }
}

/** What the library may see of `element`: no mechanism but the one that is taken, no feature but SASL and binding. */
function select(
  element: XmlElement,
  phase: Phase,
  wanted: readonly Mechanism[],
  named: string,
): LibraryElement | LoginError | undefined {
  if (element.is('features', NS.stream)) {
    if (phase === 'opening') {
      const offered = (element.child('mechanisms', NS.sasl)?.children ?? []).flatMap((m) =>
        typeof m !== 'string' && m.is('mechanism', NS.sasl) ? [m.text.trim()] : [],
      );
      const best = wanted.find((name) => offered.includes(name));
      if (!best) return new LoginError('refused', `the server does not offer SASL ${wanted.join(' or ')}`);
      const mechanism = xml('mechanism', {}, [best]);
      return xml('features', { xmlns: NS.stream }, [xml('mechanisms', { xmlns: NS.sasl }, [mechanism])]);
    }
    if (!element.child('bind', NS.bind)) return new LoginError('refused', 'the server does not offer resource binding');
    return xml('features', { xmlns: NS.stream }, [xml('bind', { xmlns: NS.bind }, [])]);
  }
  if (element.ns === NS.sasl && phase === 'authenticating') {
    if (element.name === 'challenge' && iterations(element.text) > ITERATIONS_MAX) {
      return new LoginError('refused', `the server asks for more than ${ITERATIONS_MAX} rounds of SCRAM`);
    }
    if (element.name !== 'failure') return toLibrary(element);
    const condition = element.firstElement?.name ?? 'no reason given';
    return new LoginError('auth', `the server refused the ${named}: ${condition}`);
  }
  if (element.is('iq', NS.client) && (phase === 'binding' || phase === 'online')) return toLibrary(element);
  return undefined;
}

/** The rounds that a challenge of SCRAM asks for. [RFC 5802 §5.1] */
function iterations(challenge: string): number {
  return Number(/(?:^|,)i=(\d+)/.exec(Buffer.from(challenge, 'base64').toString('latin1'))?.[1] ?? 0);
}

/** Without prefixes, whose declarations may stand further out: the library repeats in an error what it was asked. */
function toLibrary(element: XmlElement): LibraryElement {
  const attrs: Record<string, string> = { xmlns: element.ns };
  for (const [key, value] of Object.entries(element.attrs)) {
    if (key !== 'xmlns' && (!key.includes(':') || key.startsWith('xml:'))) attrs[key] = value;
  }
  const children = element.children.map((child) => (typeof child === 'string' ? child : toLibrary(child)));
  return xml(element.name, attrs, children);
}

function endedEarly(end: StreamEnd, phase: Phase, named: string): LoginError {
  // Recorded from the real server: it just closes after <auth>, without a <failure>. [fcm.md §1.2]
  const bare = `the server closed the connection instead of answering <auth>: ${named} may be wrong`;
  if (end.kind === 'stream-error') {
    const fault = end.condition === 'not-authorized' ? 'auth' : 'refused';
    return new LoginError(fault, `the server ended the stream: ${end.condition}${end.text && ` (${end.text})`}`);
  }
  if (phase === 'authenticating' && end.kind !== 'local') return new LoginError('auth', bare);
  if (end.kind === 'failed') return explain(end.error, phase);
  const who = end.kind === 'closed' ? 'the server' : 'the bridge';
  return new LoginError('unreachable', `${who} closed the connection during the login (${phase})`);
}

/** What Node.js calls certificates that it does not trust. */
const BAD_CERTIFICATE =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_|INVALID_(CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME)/;

function explain(error: unknown, phase: Phase): LoginError {
  if (error instanceof LoginError) return error;
  if (error instanceof Error && 'code' in error && BAD_CERTIFICATE.test(String(error.code))) {
    const why = `the certificate of the server can not be trusted: ${reason(error)} (${error.code})`;
    return new LoginError('certificate', why, { cause: error });
  }
  return new LoginError('unreachable', `${reason(error)} (${phase})`, { cause: error });
}

/** The library encodes characters as bytes; SASL PLAIN wants UTF-8. [RFC 4616 §2] */
function bytesAsCharacters(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
