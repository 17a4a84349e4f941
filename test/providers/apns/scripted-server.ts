import {
  createSecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { createCertificate, LOCAL_NAMES } from '../../../src/emulator/certificate.ts';

/** A request as it came over the wire. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Connections and requests count from 1. */
  readonly connection: number;
  readonly number: number;
  readonly session: ServerHttp2Session;
  readonly stream: ServerHttp2Stream;
}

/** What the test answers; undefined: nothing, the stream stays open or is the test's own affair. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ServerOptions {
  readonly answer?: (seen: Seen) => Reply | undefined | Promise<Reply | undefined>;
  /** Streams that the first SETTINGS allow. */
  readonly streams?: number;
  /** Streams that SETTINGS allow after the first success. */
  readonly raised?: number;
  readonly tls?: SecureServerOptions;
  /** 0: a free one. */
  readonly port?: number;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly origin: string;
  /** The authority that a client has to trust, PEM. */
  readonly ca: string;
  readonly seen: Seen[];
  readonly sessions: ServerHttp2Session[];
  /** Subjects of the certificates that clients showed. */
  readonly clients: (string | undefined)[];
  /** Changes what is answered from now on. */
  answer: NonNullable<ServerOptions['answer']>;
}

const DAY_MS = 86_400_000;
const identity = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});

/** What APNs says of a reason. */
export const reason = (status: number, name: string, more: object = {}): Reply => ({
  status,
  body: JSON.stringify({ reason: name, ...more }),
});

/** An HTTP/2 server on this machine that answers what the test says, 200 without any word. */
export async function scriptedServer(given: ServerOptions = {}): Promise<ScriptedServer> {
  const sessions: ServerHttp2Session[] = [];
  const seen: Seen[] = [];
  const clients: (string | undefined)[] = [];
  const server = createSecureServer({
    cert: identity.cert,
    key: identity.key,
    settings: { maxConcurrentStreams: given.streams ?? 1_000 },
    ...given.tls,
  });
  server.on('sessionError', () => {});
  server.on('session', (session) => {
    sessions.push(session);
    clients.push((session.socket as TLSSocket).getPeerX509Certificate()?.subject);
    session.on('error', () => {});
    const connection = sessions.length;
    let { raised } = given;
    session.on('stream', async (stream, headers) => {
      stream.on('error', () => {});
      const body = await text(stream).catch(() => undefined);
      if (body === undefined) return; // the client has given up
      const request = { path: String(headers[':path']), headers, body, connection, session, stream };
      seen.push({ ...request, number: seen.length + 1 });
      const reply = await result.answer({ ...request, number: seen.length });
      if (!reply || stream.destroyed) return;
      const id = headers['apns-id'];
      stream.respond({ ':status': reply.status, ...(id !== undefined && { 'apns-id': id }), ...reply.headers });
      stream.end(reply.body ?? '');
      if (reply.status === 200 && raised !== undefined && !session.destroyed) {
        session.settings({ maxConcurrentStreams: raised });
        raised = undefined;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(given.port ?? 0, '127.0.0.1', resolve));
  const result: ScriptedServer = {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: identity.ca,
    seen,
    sessions,
    clients,
    answer: given.answer ?? (() => ({ status: 200 })),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return result;
}
