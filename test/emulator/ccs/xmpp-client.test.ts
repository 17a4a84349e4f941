import { setDefaultCACertificates } from 'node:tls';
import * as library from '@xmpp/client';
import test from 'ava';
import { start, until } from './raw-client.ts';

interface Stanza {
  is(name: string): boolean;
  getChild(name: string): { text(): string } | undefined;
}

interface Client {
  readonly reconnect: { stop(): void };
  on(event: 'error', listener: (error: unknown) => void): void;
  on(event: 'stanza', listener: (stanza: Stanza) => void): void;
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  send(stanza: unknown): Promise<void>;
}

// The library has no types of its own.
const { client, xml } = library as unknown as {
  client(options: Readonly<Record<string, string>>): Client;
  xml(name: string, attrs: Readonly<Record<string, string>>, ...children: unknown[]): unknown;
};

test('an independent client logs in, sends, acks and leaves', async (t) => {
  const { emulator, control } = await start(t, { split_writes: true });
  // The library passes no authority on.
  setDefaultCACertificates([emulator.caPem]);
  const xmpp = client({
    service: `xmpps://127.0.0.1:${emulator.port}`,
    domain: 'gcm.googleapis.com',
    username: '123456@gcm.googleapis.com',
    password: 'key',
  });
  xmpp.reconnect.stop();
  const seen: { message_type?: string; message_id: string; from: string }[] = [];
  xmpp.on('error', (error) => t.log(error));
  xmpp.on('stanza', (stanza) => {
    const body = stanza.is('message') ? stanza.getChild('gcm')?.text() : undefined;
    if (body) seen.push(JSON.parse(body));
  });
  const jid = await xmpp.start();
  t.regex(String(jid), /^123456@gcm\.googleapis\.com\/[0-9A-F]+$/);
  const send = (json: unknown): Promise<void> =>
    xmpp.send(xml('message', {}, xml('gcm', { xmlns: 'google:mobile:data' }, JSON.stringify(json))));
  await send({ to: 'a<&">b', message_id: '1', data: { text: '😀 <&>' }, delivery_receipt_requested: true });
  await until(() => seen.length === 2);
  t.like(seen[0], { message_type: 'ack', message_id: '1', from: 'a<&">b' });
  t.like(seen[1], { message_type: 'receipt', message_id: 'dr2:1' });
  await send({ to: seen[1]?.from, message_id: 'dr2:1', message_type: 'ack' });
  await until(() => control.stats().upstreamAcked === 1);
  await xmpp.stop();
  await until(() => control.connections().length === 0);
  t.like(control.stats(), { logins: 1, received: 1, errors400: 0, errors406: 0, streamErrors: 0 });
});
