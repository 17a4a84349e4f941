import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream, type Settings } from 'node:http2';
import { duplexPair } from 'node:stream';
import { Exchange, type ExchangeHost, type H2Request, type H2Result } from '../../../src/protocols/http2/exchange.ts';
import { ClientSession } from '../../../src/protocols/http2/session.ts';

/** A request as Node's own HTTP/2 read it. */
export interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly stream: ServerHttp2Stream;
}

/** Our session and Node's server, with nothing between them but memory. */
export function nodePeer(settings: Settings = {}, maxResponseBytes = 65_536) {
  const [near, far] = duplexPair();
  const server = performServerHandshake(far, { settings });
  const session = new ClientSession(
    near,
    { authority: 'example.org', maxResponseBytes },
    { onSettings() {}, onGoaway() {} },
  );
  const host: ExchangeHost = {
    id: 1,
    maxResponseBytes,
    because: undefined,
    ended: (exchange, _result, reset) => session.forget(exchange, reset),
  };
  const heard: Heard[] = [];
  server.on('error', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    heard.push({ headers, stream });
  });
  near.on('data', (chunk: Buffer) => session.push(chunk));
  session.begin();
  return {
    server,
    session,
    heard,
    post(request: H2Request): Promise<H2Result> {
      return new Promise((resolve) => session.request(new Exchange(host, 0, resolve), request));
    },
    /** Resolves when the server has changed its settings and we have said that we know. */
    change(changed: Settings): Promise<void> {
      return new Promise((resolve) => server.settings(changed, () => resolve()));
    },
    close(): void {
      server.destroy();
      near.destroy();
    },
  };
}
