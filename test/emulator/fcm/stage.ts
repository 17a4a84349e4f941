import type { ExecutionContext } from 'ava';
import type { FcmEmulatorDeps, FcmEmulatorInput } from '../../../src/emulator/index.ts';
import { createFcmEmulator, generateServiceKey } from '../../../src/emulator/index.ts';
import type { RawReply } from '../http2/raw-client.ts';
import { jwt, RawClient } from '../http2/raw-client.ts';

/** One for all tests of a file: it takes a while to make. */
const serviceKey = generateServiceKey();
export const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
export const SEND = '/v1/projects/emulated-project/messages:send';

/** An emulator for one test, and what makes clients of it. */
export async function start(t: ExecutionContext, input: FcmEmulatorInput = {}, deps: FcmEmulatorDeps = {}) {
  const emulator = createFcmEmulator({ port: 0, ...input }, { serviceKey, ...deps });
  await emulator.start();
  const clients: RawClient[] = [];
  t.teardown(async () => {
    for (const { session } of clients) session.destroy();
    await emulator.stop();
  });
  const now = (): number => Math.floor((deps.clock?.now() ?? Date.now()) / 1_000);
  const assertion = (claims: object = {}, key = emulator.credentials.private_key): string => {
    const { client_email, private_key_id, token_uri } = emulator.credentials;
    const usual = { iss: client_email, aud: token_uri, iat: now(), exp: now() + 3_600, scope: SCOPE };
    return jwt('RS256', key, { kid: private_key_id }, { ...usual, ...claims });
  };
  const open = (): RawClient => {
    const client = new RawClient(emulator);
    clients.push(client);
    return client;
  };
  const grant = (client: RawClient, text: string, type = GRANT): Promise<RawReply> =>
    client.post(
      { ':path': '/token', 'content-type': 'application/x-www-form-urlencoded' },
      new URLSearchParams({ grant_type: type, assertion: text }).toString(),
    );
  /** A client that has its token, and what sends with it. */
  const login = async () => {
    const client = open();
    const { json } = await grant(client, assertion());
    const headers = { ':path': SEND, authorization: `Bearer ${json.access_token}`, 'content-type': 'application/json' };
    const text = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));
    return {
      client,
      headers,
      send: (body: unknown, more = {}) => client.post({ ...headers, ...more }, text(body)),
      fails: (body: unknown) => client.fails(headers, text(body)),
      stream: (body: unknown) => client.open(headers, text(body)),
    };
  };
  return { emulator, control: emulator.control, open, grant, assertion, login };
}

export const to = (token: string, more: object = {}) => ({ message: { token, data: { a: 'b' }, ...more } });
