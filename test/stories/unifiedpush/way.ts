import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import webpush from 'web-push';
import { type App, createApp } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { createDistributor, distributorOptions } from '../../../src/distributor/index.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { cert, key } from '../../client/tls-fixture.ts';
import { call1, call2 } from '../../distributor/desk.ts';
import { PrivateBus } from '../../distributor/private-bus.ts';
import { folder } from '../../doors/app/tokens.ts';
import { COMPONENT, SECRET, type ServerOptions, type XmppServer } from '../../servers/server.ts';
import { WebPushDevice } from './web-push-device.ts';

const PUBLIC = 'https://push.example.com';
const APP = 'org.example.App';

type VapidDetails = { readonly subject: string; readonly publicKey: string; readonly privateKey: string };

/** Everything between an application server and an app on a desktop. */
interface Way {
  readonly server: XmppServer;
  readonly bus: PrivateBus;
  readonly app: App;
  /** An application server's library posts to an endpoint. */
  send(endpoint: string, device: WebPushDevice, text: string, vapidDetails?: VapidDetails): Promise<number>;
  /** The distributor runs, with the same database each time. */
  come(): Promise<void>;
  go(): Promise<void>;
}

/** One account for each story, so that none finds what another has left. */
const ACCOUNTS = ['romeo', 'juliet', 'benvolio', 'mercutio'] as const;
type Name = (typeof ACCOUNTS)[number];

async function lay(t: ExecutionContext, server: XmppServer, user: Name, dialect: string): Promise<Way> {
  const bus = await PrivateBus.start();
  t.teardown(() => bus.stop());
  const write = folder(t);
  const tls = { cert: write('cert.pem', cert), key: write('key.pem', key) };
  const app = await createApp(
    loadConfig({
      text: JSON.stringify({
        store: { url: `sqlite:${join(bus.folder, 'bridge.db')}` },
        admin: { port: 0 },
        http: { port: 0, tls, public_url: PUBLIC },
        doors: { webpush: {} },
        providers: { xmpp: { host: '127.0.0.1', port: server.componentPort, domain: COMPONENT, secret: SECRET } },
      }),
    }),
    { log: silentLog },
  );
  await app.start();
  t.teardown(() => app.stop(1_000));
  const options = distributorOptions.parse({
    account: {
      jid: `${user}@localhost`,
      password: 'pencil',
      host: '127.0.0.1',
      port: server.clientPort,
      security: 'none',
    },
    gateway: { jid: COMPONENT, dialect },
    bus: bus.address,
    database: join(bus.folder, 'distributor.db'),
  });
  let running: ReturnType<typeof createDistributor> | undefined;
  const go = async () => {
    await running?.stop();
    running = undefined;
  };
  t.teardown(go);
  const way: Way = {
    server,
    bus,
    app,
    async come() {
      running = createDistributor(options, { env: {} });
      await running.start();
    },
    go,
    async send(endpoint, device, text, vapidDetails) {
      const agent = new Agent();
      agent.createConnection = () =>
        connect({ host: '127.0.0.1', port: app.httpPort, ca: cert, servername: 'localhost' });
      const { statusCode } = await webpush.sendNotification({ endpoint, keys: device.keys }, text, {
        agent,
        TTL: 600,
        ...(vapidDetails && { vapidDetails }),
      });
      return statusCode;
    },
  };
  return way;
}

/** The bytes of a Message call, in either version. */
function bytesOf(args: readonly unknown[] | undefined): Buffer {
  const [first, second] = args ?? [];
  const { bytes } = (typeof first === 'string' ? second : (first as { message: unknown }).message) as { bytes: string };
  return Buffer.from(bytes, 'base64');
}

/** The stories, on whichever server it is. */
export function tellWith(name: string, start: (options: ServerOptions) => Promise<XmppServer>): void {
  // The servers take long to start: one for all stories, which come one after the other.
  let server: XmppServer | undefined;
  test.before(async () => {
    server = await start({ users: Object.fromEntries(ACCOUNTS.map((user) => [user, 'pencil'])) });
  });
  test.after.always(() => server?.stop());
  const begin = async (t: ExecutionContext, user: Name, dialect: string): Promise<Way> => {
    if (!server) throw new Error('the server has not started');
    const way = await lay(t, server, user, dialect);
    await way.come();
    return way;
  };

  for (const [user, dialect] of [
    ['romeo', 'gultsch'],
    ['juliet', 'legacy'],
  ] as const) {
    test.serial(`${name}, ${dialect}: an encrypted push reaches its app, also when the desktop was away`, async (t) => {
      const way = await begin(t, user, dialect);
      const connector = await way.bus.app(APP);
      const register = () => call2(connector, 'Register', { service: APP, token: 'token-2' });
      // The account may still be logging in: then the answer says so, and apps ask again.
      const succeeded = { success: 'REGISTRATION_SUCCEEDED' };
      let answer = await register();
      while (!isDeepStrictEqual(answer.args, [succeeded])) answer = await register();
      const [{ endpoint }] = (await connector.called('NewEndpoint')).args as [{ endpoint: string }];
      t.true(endpoint.startsWith(`${PUBLIC}/push/`));

      const device = new WebPushDevice();
      t.is(await way.send(endpoint, device, 'grüße 😀'), 201);
      t.is(device.decrypt(bytesOf((await connector.called('Message')).args)), 'grüße 😀');

      await way.go();
      t.is(await way.send(endpoint, device, 'while you were away'), 201);
      await way.come();
      t.is(device.decrypt(bytesOf((await connector.called('Message')).args)), 'while you were away');

      await way.server.restart();
      t.is(await way.send(endpoint, device, 'behind a restart'), 201);
      t.is(device.decrypt(bytesOf((await connector.called('Message')).args)), 'behind a restart');
    });
  }

  test.serial(`${name}: an app of version 1, and the end of its endpoint`, async (t) => {
    const way = await begin(t, 'benvolio', 'gultsch');
    const connector = await way.bus.app(APP);
    let answer = await call1(connector, 'Register', APP, 'token-1', 'An app');
    while (answer.args?.[0] !== 'REGISTRATION_SUCCEEDED')
      answer = await call1(connector, 'Register', APP, 'token-1', '');
    const [, endpoint] = (await connector.called('NewEndpoint')).args as [string, string];
    const device = new WebPushDevice();
    t.is(await way.send(endpoint, device, 'one'), 201);
    t.is(device.decrypt(bytesOf((await connector.called('Message')).args)), 'one');
    await call1(connector, 'Unregister', 'token-1');
    await connector.called('Unregistered');
    // The service hears of it by the answer to the next push.
    let status = 201;
    while (status === 201) {
      status = await way.send(endpoint, device, 'two').catch(({ statusCode }: { statusCode: number }) => statusCode);
    }
    t.is(status, 410);
  });

  test.serial(`${name}: an endpoint for one sender takes what is signed with its key, and nothing else`, async (t) => {
    const way = await begin(t, 'mercutio', 'gultsch');
    const connector = await way.bus.app(APP);
    const sender = { subject: 'mailto:admin@example.net', ...webpush.generateVAPIDKeys() };
    const register = () => call2(connector, 'Register', { service: APP, token: 'token-3', vapid: sender.publicKey });
    let answer = await register();
    while (!isDeepStrictEqual(answer.args, [{ success: 'REGISTRATION_SUCCEEDED' }])) answer = await register();
    const [{ endpoint }] = (await connector.called('NewEndpoint')).args as [{ endpoint: string }];
    const device = new WebPushDevice();
    const statusOf = (sending: Promise<number>) =>
      sending.catch(({ statusCode }: { statusCode: number }) => statusCode);
    t.is(await statusOf(way.send(endpoint, device, 'unsigned')), 401);
    const stranger = { ...sender, ...webpush.generateVAPIDKeys() };
    t.is(await statusOf(way.send(endpoint, device, 'of a stranger', stranger)), 403);
    t.is(await way.send(endpoint, device, 'signed', sender), 201);
    t.is(device.decrypt(bytesOf((await connector.called('Message')).args)), 'signed');
  });
}
