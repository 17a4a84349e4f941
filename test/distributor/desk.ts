import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createDistributor, type Distributor, distributorOptions } from '../../src/distributor/index.ts';
import type { Clock, ManualClock } from '../../src/lib/clock.ts';
import type { Log } from '../../src/lib/log.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { XmlElement } from '../../src/protocols/xmpp/index.ts';
import { type App, type Heard, PrivateBus } from './private-bus.ts';
import { XmppServer } from './xmpp-server.ts';

export const DISTRIBUTOR = 'org.unifiedpush.Distributor.pushbridge';
export const V1 = 'org.unifiedpush.Distributor1';
export const V2 = 'org.unifiedpush.Distributor2';
export const VAPID = `B${'A'.repeat(86)}`;

/** A desktop with its bus, an XMPP server and the distributor between them. */
export interface Desk {
  readonly bus: PrivateBus;
  readonly xmpp: XmppServer;
  readonly distributor: Distributor;
  readonly logged: readonly string[];
  /** Stops the distributor, and starts another one with the same database. */
  again(more?: Record<string, unknown>): Promise<Distributor>;
}

/** @param more keys of the section `distributor` */
export async function desk(
  t: ExecutionContext,
  more: Record<string, unknown> = {},
  { online = true, proc, clock }: { readonly online?: boolean; readonly proc?: string; readonly clock?: Clock } = {},
): Promise<Desk> {
  const bus = await PrivateBus.start();
  const xmpp = new XmppServer();
  const port = await xmpp.start();
  const logged: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (event) => void logged.push(event),
    error: (event) => void logged.push(event),
  };
  const make = (changed: Record<string, unknown>) =>
    createDistributor(
      distributorOptions.parse({
        account: {
          jid: 'romeo@localhost',
          password: 'pencil',
          host: '127.0.0.1',
          port,
          security: 'none',
          backoff_base: '10ms',
          backoff_cap: '50ms',
        },
        bus: bus.address,
        database: join(bus.folder, 'data', 'distributor.db'),
        ...changed,
      }),
      { env: {}, log, ...(proc !== undefined && { proc }), ...(clock && { clock }) },
    );
  let distributor = make(more);
  t.teardown(async () => {
    await distributor.stop();
    await xmpp.stop();
    await bus.stop();
  });
  await distributor.start();
  if (online) await here(xmpp);
  return {
    bus,
    xmpp,
    get distributor() {
      return distributor;
    },
    logged,
    async again(changed = more) {
      await distributor.stop();
      distributor = make(changed);
      await distributor.start();
      return distributor;
    },
  };
}

/** The client has shown itself to the push service. */
export const here = (xmpp: XmppServer): Promise<XmlElement> =>
  xmpp.stanza(({ name, attrs }) => name === 'presence' && attrs.to === 'push.localhost' && attrs.type === undefined);

/** Calls the distributor in version 1. */
export const call1 = (app: App, member: string, ...args: string[]): Promise<Heard> =>
  app.call({ ...object(V1), member, signature: 's'.repeat(args.length), args });

/** Calls the distributor in version 2. */
export const call2 = (app: App, member: string, args: Readonly<Record<string, unknown>>): Promise<Heard> =>
  app.call({ ...object(V2), member, signature: 'a{sv}', args: [args] });

const object = (face: string) => ({
  destination: DISTRIBUTOR,
  path: '/org/unifiedpush/Distributor',
  interface: face,
});

/** What comes to pass while time goes on: sockets are real, and may take more of it than the test thinks. */
export async function during<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let over = false;
  const watched = work.finally(() => {
    over = true;
  });
  while (!over) {
    await clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return watched;
}
