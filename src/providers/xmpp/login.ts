import { EventEmitter } from 'node:events';
import { connect, isIP } from 'node:net';
import { component, xml } from '@xmpp/component';
import type { Clock } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { reason } from '../../lib/log.ts';
import type { Secret } from '../../lib/secret.ts';
import type {
  ClientStream,
  ClientStreamEnd,
  Negotiation,
  StreamStart,
  XmlElement,
} from '../../protocols/xmpp/index.ts';

/** The namespace of everything that a component and its server say. [XEP-0114 §3] */
export const COMPONENT_NS = 'jabber:component:accept';

export interface LoginOptions {
  readonly clock: Clock;
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly secret: Secret;
  /** For the whole login, in milliseconds. */
  readonly timeoutMs: number;
  /** Every IQ and presence that comes once the server has taken us. */
  readonly onStanza: (stanza: XmlElement) => void;
}

/**
 * Makes `stream` that of a component. The library negotiates: it says hello and proves that it knows the secret. Of what
 * the server says it sees the header and the answer to that proof, nothing afterwards.
 * @throws Error whose message says what went wrong; the stream is destroyed then
 */
export async function logIn(stream: ClientStream, options: LoginOptions): Promise<void> {
  const { clock, host, port, domain, secret, timeoutMs, onStanza } = options;
  const service = `xmpp://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const online = Promise.withResolvers<void>();
  const entity = component({ service, domain, password: bytesAsCharacters(secret.reveal()) });
  // We reconnect ourselves: the library waits one fixed second.
  entity.reconnect.stop();
  entity.timeout = timeoutMs;
  entity.on('error', (error: unknown) => failed.reject(error));
  entity.once('online', () => online.resolve());

  let socket: EventEmitter | undefined;
  let parser: EventEmitter | undefined;
  let taken = false;
  const negotiation: Negotiation = {
    onConnect: () => void socket?.emit('connect'),
    onStart({ attrs: { id = '' } }: StreamStart) {
      if (id === '') failed.reject(new Error('the server gave the stream no id'));
      else parser?.emit('start', xml('stream', { id }));
    },
    onElement(element) {
      if (taken) onStanza(element);
      else if (element.is('handshake', COMPONENT_NS)) {
        taken = true;
        parser?.emit('element', xml('handshake', {}));
      }
    },
    onEnd: (end) => failed.reject(new Error(`the server ended the login: ${endedBecause(end)}`)),
  };
  entity.Socket = class extends EventEmitter {
    connect(): void {
      socket = this;
      stream.connect(() => connect({ host, port }), 'connect', negotiation);
    }
    write(text: string, done?: (error?: Error) => void): void {
      done?.(stream.send(text) ? undefined : new Error('the stream is closed'));
    }
    end(): void {
      void stream.close();
    }
  };
  entity.Parser = class extends EventEmitter {
    constructor() {
      super();
      parser = this;
    }
  };
  const negotiate = async (): Promise<void> => {
    await entity.connect(service);
    await entity.open({ domain });
    await online.promise;
  };
  try {
    await deadline(clock, Promise.race([negotiate(), failed.promise]), timeoutMs, 'login');
  } catch (error) {
    stream.destroy();
    // Ends the library's own waits and their timers, which would keep the process alive.
    entity.emit('error', error);
    throw error;
  }
}

/** Why a stream is over, in words. */
export function endedBecause(end: ClientStreamEnd): string {
  if (end.kind === 'stream-error') return `${end.condition}${end.text && ` (${end.text})`}`;
  if (end.kind === 'failed') return reason(end.error);
  return end.kind === 'local' ? 'closed by the bridge' : 'closed by the server';
}

/** The library hashes characters as if they were bytes; servers hash UTF-8. */
function bytesAsCharacters(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
