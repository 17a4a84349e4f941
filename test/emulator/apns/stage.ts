import type { OutgoingHttpHeaders, SecureClientSessionOptions } from 'node:http2';
import type { ExecutionContext } from 'ava';
import type { ApnsEmulatorInput, Http2EmulatorDeps, ProviderKey } from '../../../src/emulator/index.ts';
import { createApnsEmulator } from '../../../src/emulator/index.ts';
import { jwt, RawClient } from '../http2/raw-client.ts';

export const DEVICE = 'ab'.repeat(32);
export const PAYLOAD = JSON.stringify({ aps: { alert: 'hello' } });

/** An emulator for one test, and what makes clients of it. */
export async function start(t: ExecutionContext, input: ApnsEmulatorInput = {}, deps: Http2EmulatorDeps = {}) {
  const emulator = createApnsEmulator({ port: 0, ...input }, deps);
  await emulator.start();
  const clients: RawClient[] = [];
  t.teardown(async () => {
    for (const { session } of clients) session.destroy();
    await emulator.stop();
  });
  const now = (): number => Math.floor((deps.clock?.now() ?? Date.now()) / 1_000);
  const token = (claims: object = {}, key: ProviderKey = emulator.credentials, header: object = {}): string =>
    `bearer ${jwt('ES256', key.key, { kid: key.key_id, ...header }, { iss: key.team_id, iat: now(), ...claims })}`;
  const usual = token();
  /** A client, and what pushes with it: `undefined` leaves out a header. */
  const open = (options: SecureClientSessionOptions = {}) => {
    const client = new RawClient(emulator, options);
    clients.push(client);
    const headersOf = (device: string, more: OutgoingHttpHeaders): OutgoingHttpHeaders => {
      const all = { ':path': `/3/device/${device}`, authorization: usual, 'apns-topic': 'com.example.app', ...more };
      return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    };
    return {
      client,
      push: (device = DEVICE, more: OutgoingHttpHeaders = {}, payload = PAYLOAD) =>
        client.post(headersOf(device, more), payload),
      fails: (device: string) => client.fails(headersOf(device, {}), PAYLOAD),
      stream: (device: string) => client.open(headersOf(device, {}), PAYLOAD),
    };
  };
  return { emulator, control: emulator.control, token, open };
}
