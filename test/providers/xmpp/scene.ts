import type { ExecutionContext } from 'ava';
import type { Clock } from '../../../src/lib/clock.ts';
import { type Bridge, startBridge } from './bridge.ts';
import { DOMAIN, type Peer, type Script, ScriptedServer, SECRET } from './scripted-server.ts';
import { until } from './until.ts';

export const GULTSCH = 'http://gultsch.de/xmpp/drafts/unified-push';
export const ROMEO = 'romeo@example/orchard';
/** Base64 of 32 bytes that are all this one. */
export const hash = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

export interface Scene extends Bridge {
  readonly server: ScriptedServer;
  /** The first connection of the provider. */
  readonly peer: Peer;
}

export interface SceneOptions {
  readonly script?: Partial<Script>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly registrationsPerOwner?: number;
}

/** A provider that has logged in to a scripted server. */
export async function scene(t: ExecutionContext, given: SceneOptions = {}): Promise<Scene> {
  const server = new ScriptedServer(given.script);
  await server.start();
  t.teardown(() => server.stop());
  const { options, script: _, ...rest } = given;
  const bridge = await startBridge(t, {
    ...rest,
    options: { port: server.port, domain: DOMAIN, secret: SECRET, ...options },
  });
  const peer = await server.peer();
  await until(() => bridge.provider.room() > 0, 'room');
  return { ...bridge, server, peer };
}

/** What a client asks, as its server hands it to the component. */
export const iq = (type: string, id: string, child: string, from = ROMEO, to = DOMAIN): string =>
  `<iq type='${type}' id='${id}' from='${from}' to='${to}'>${child}</iq>`;
export const legacyRegister = (token: string): string =>
  `<register xmlns='unifiedpush.org'><token>${token}</token></register>`;
export const gultschRegister = (application: number, instance: number): string =>
  `<register xmlns='${GULTSCH}' application='${hash(application)}' instance='${hash(instance)}'/>`;
export const stanzaError = (condition: string): string =>
  `<error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;

let ids = 0;

/** Registers, and gives the URL. */
export async function register(peer: Peer, child: string, from = ROMEO): Promise<string> {
  const id = `register-${++ids}`;
  peer.write(iq('set', id, child, from));
  const answer = await peer.next(`id="${id}"`);
  const url = /<endpoint>([^<]+)<|endpoint="([^"]+)"/.exec(answer);
  if (!url) throw new Error(`no endpoint: ${answer}`);
  return url[1] ?? url[2] ?? '';
}

/** An attribute of the outermost element. */
export const attribute = (stanza: string, name: string): string =>
  new RegExp(`^<[^>]* ${name}="([^"]*)"`).exec(stanza)?.[1] ?? '';
