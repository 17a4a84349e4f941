import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificate, LOCAL_NAMES, type ServerCertificate } from '../../../src/emulator/certificate.ts';

export const certificate: ServerCertificate = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + 3_600_000),
});

/** Keys of a service account, made for this run. */
export const keys = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** The JSON of a service account, as it is downloaded. */
export function accountJson(more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    type: 'service_account',
    project_id: 'demo-project',
    private_key_id: 'abc',
    private_key: keys.privateKey,
    client_email: 'bridge@demo-project.example',
    client_id: '1',
    token_uri: 'https://oauth2.googleapis.com/token',
    ...more,
  });
}

export interface TokenRequest {
  readonly method: string;
  readonly path: string;
  readonly form: URLSearchParams;
  /** Claims of the assertion. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Header, claims and signature as they came. */
  readonly assertion: string;
}

/** An answer; `undefined` never answers, `cut` ends the connection in the middle. */
export interface TokenReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | string;
  readonly cut?: boolean;
}

/** A token endpoint whose answers are the test's. */
export class TokenServer {
  readonly requests: TokenRequest[] = [];
  readonly #server: Server;
  /** Called for each request with its number, from 1. */
  answer: (request: TokenRequest, number: number) => TokenReply | undefined;

  constructor(answer?: TokenServer['answer']) {
    this.answer =
      answer ??
      ((_, number) => ({ body: { access_token: `token-${number}`, expires_in: 3_599, token_type: 'Bearer' } }));
    this.#server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        const form = new URLSearchParams(text);
        const assertion = form.get('assertion') ?? '';
        const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? 'e30', 'base64url').toString() || '{}');
        const seen = { method: request.method ?? '', path: request.url ?? '', form, claims, assertion };
        const reply = this.answer(seen, this.requests.push(seen));
        if (!reply) return;
        const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
        const length = { 'content-length': Buffer.byteLength(body) };
        response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...length, ...reply.headers });
        if (!reply.cut) response.end(body);
        else response.write(body.slice(0, body.length / 2), () => request.socket.destroy());
      });
    });
  }

  /** @param port 0 for any */
  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  get uri(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}/token`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
