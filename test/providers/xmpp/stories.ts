/** What holds with every XMPP server that the component is used with: run against the real ones. */
import test, { type ExecutionContext } from 'ava';
import { Device } from '../../servers/device.ts';
import { RawDevice } from '../../servers/raw-device.ts';
import { COMPONENT, HOST, SECRET, type ServerOptions, type XmppServer } from '../../servers/server.ts';
import { type Bridge, startBridge, tokenOf } from './bridge.ts';
import { gultschRegister, hash, legacyRegister } from './scene.ts';
import { until } from './until.ts';

const USERS = { romeo: 'password', juliet: 'password', nurse: 'password' };
type Given = Readonly<Record<string, unknown>>;

/** What a story has: the server, and a bridge that is its component. */
export interface Story extends Bridge {
  readonly server: XmppServer;
  logIn(user: string, resource: string): Promise<Device>;
  /** Waits until the push has an outcome, and gives its type. */
  settled(id: string): Promise<string>;
}

/** Declares the stories, one after the other: the server has one component. */
export function stories(start: (options: ServerOptions) => Promise<XmppServer>) {
  let server: XmppServer;
  test.before(async () => {
    server = await start({ users: USERS });
  });
  test.after.always(() => server?.stop());

  const story = (
    title: string,
    body: (t: ExecutionContext, story: Story) => Promise<void>,
    options: Given = {},
  ): void => {
    test.serial(title, async (t) => {
      const devices: Device[] = [];
      t.teardown(() => Promise.all(devices.map((device) => device.leave())));
      const bridge = await startBridge(t, {
        options: { port: server.componentPort, domain: COMPONENT, secret: SECRET, ...options },
      });
      await until(() => bridge.provider.room() > 0, `the login\n${server.log()}`);
      await body(t, {
        ...bridge,
        server,
        async logIn(user, resource) {
          const device = await Device.logIn(server.clientPort, user, resource);
          devices.push(device);
          return device;
        },
        async settled(id) {
          let found = await bridge.outcome(id);
          await until(async () => {
            found = await bridge.outcome(id);
            return found !== 'pending';
          }, 'the outcome');
          return typeof found === 'object' ? found.type : String(found);
        },
      });
    });
  };

  const BINARY = Buffer.from(Array.from({ length: 256 }, (_, n) => n));

  story('the newer dialect: registered, pushed, taken; the same endpoint the next time', async (t, s) => {
    const romeo = await s.logIn('romeo', 'orchard');
    const url = await romeo.register(gultschRegister(1, 2));
    const id = await s.push(url, BINARY);
    const push = await romeo.next();
    t.true(push.includes(BINARY.toString('base64')), push);
    t.true(push.includes(hash(1)) && push.includes(hash(2)));
    t.is(await s.settled(id), 'ack');
    t.is(await romeo.register(gultschRegister(1, 2)), url);
    await Promise.all([s.push(url, 'a'), s.push(url, Buffer.alloc(4_096, 0xff))]);
    await romeo.next();
    await romeo.next();
  });

  story(
    'the old dialect: text as it is, bytes beside it',
    async (t, s) => {
      const romeo = await s.logIn('romeo', 'orchard');
      const url = await romeo.register(legacyRegister('tok'));
      const text = 'Grüße \u{1f600} <&> ]]>\n\t"';
      const first = await s.push(url, text);
      const push = await romeo.next();
      t.true(push.includes('<subject>tok</subject>'), push);
      const body = /<body>(.*)<\/body>/s.exec(push)?.[1] ?? '';
      t.is(
        body.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
        text,
      );
      t.notRegex(push, /^<message [^>]*type=/);
      const second = await s.push(url, BINARY);
      const content =
        /<content xmlns="urn:pushbridge:content:0">([^<]+)<\/content>/.exec(await romeo.next())?.[1] ?? '';
      t.deepEqual(Buffer.from(content, 'base64'), BINARY);
      t.is(await s.settled(first), 'ack');
      t.is(await s.settled(second), 'ack');
    },
    { bounce_wait: '200ms' },
  );

  story(
    'a push while the client is away waits, and goes out when the client says that it is there',
    async (t, s) => {
      const before = await s.logIn('romeo', 'orchard');
      const url = await before.register(gultschRegister(1, 2));
      await before.leave();
      const id = await s.push(url, 'while away');
      await until(() => (s.events.get('away') ?? 0) > 0, 'word that nobody is there');
      t.is(await s.outcome(id), 'pending');
      const after = await s.logIn('romeo', 'orchard');
      await after.greet();
      t.true((await after.next()).includes(Buffer.from('while away').toString('base64')));
      t.is(await s.settled(id), 'ack');
    },
    { away_retry: '10m' },
  );

  story(
    'the same with another resource, when the client registers again',
    async (t, s) => {
      const before = await s.logIn('romeo', 'orchard');
      const url = await before.register(gultschRegister(1, 2));
      await before.leave();
      const id = await s.push(url, 'x');
      await until(() => (s.events.get('away') ?? 0) > 0, 'word that nobody is there');
      const after = await s.logIn('romeo', 'balcony');
      t.is(await after.register(gultschRegister(1, 2)), url);
      await after.next();
      t.is(await s.settled(id), 'ack');
    },
    { away_retry: '10m' },
  );

  story(
    'a client that has said goodbye is not asked, in either dialect',
    async (t, s) => {
      const before = await s.logIn('romeo', 'orchard');
      const legacy = await before.register(legacyRegister('tok'));
      const gultsch = await before.register(gultschRegister(1, 2));
      await before.greet();
      const arrival = s.gates.calls('registrationsOf');
      await before.leave();
      // A stranger's word after it says that the goodbye was read.
      const juliet = await s.logIn('juliet', 'balcony');
      await juliet.ask('<ping xmlns="urn:xmpp:ping"/>', 'type="get"');
      const ids = [await s.push(legacy, 'old'), await s.push(gultsch, 'new')];
      await until(async () => s.provider.room() === 1_000, 'both attempts');
      for (const id of ids) t.is(await s.outcome(id), 'pending');
      t.false(s.events.has('away'));
      t.true(arrival > 0);
      const after = await s.logIn('romeo', 'orchard');
      t.deepEqual(after.pushes, []);
      await after.greet();
      const pushes = [await after.next(), await after.next()];
      t.is(pushes.filter((push) => push.includes('<body>old</body>')).length, 1);
      for (const id of ids) t.is(await s.settled(id), 'ack');
    },
    { away_retry: '10m', bounce_wait: '200ms' },
  );

  story(
    'the old dialect, without a goodbye: the server keeps the push for the client, and it counts as delivered',
    async (t, s) => {
      const before = await s.logIn('nurse', 'chamber');
      const url = await before.register(legacyRegister('tok'));
      await before.leave();
      const id = await s.push(url, 'kept');
      t.is(await s.settled(id), 'ack');
      const after = await s.logIn('nurse', 'chamber');
      t.regex(await after.next(), /<body>kept<\/body>/);
    },
    { bounce_wait: '200ms' },
  );

  story('to another client of the account, if the one that has registered is away', async (t, s) => {
    const old = await s.logIn('romeo', 'old');
    const url = await old.register(gultschRegister(1, 2));
    await old.leave();
    const newer = await s.logIn('romeo', 'newer');
    await newer.register(gultschRegister(1, 3));
    const id = await s.push(url, 'x');
    t.true((await newer.next()).includes(hash(2)));
    t.is(await s.settled(id), 'ack');
  });

  for (const condition of ['item-not-found', 'feature-not-implemented']) {
    story(`${condition} of the client ends the endpoint`, async (t, s) => {
      const romeo = await s.logIn('romeo', 'orchard');
      const url = await romeo.register(gultschRegister(1, 2));
      romeo.refuses = condition;
      const id = await s.push(url, 'x');
      t.is(await s.settled(id), 'reject');
      t.is(await s.endpoints.find(tokenOf(url)), 'revoked');
      romeo.refuses = undefined;
      t.not(await romeo.register(gultschRegister(1, 2)), url);
    });
  }

  story(
    'a trouble of the client passes',
    async (t, s) => {
      const romeo = await s.logIn('romeo', 'orchard');
      const url = await romeo.register(gultschRegister(1, 2));
      romeo.refuses = 'internal-server-error';
      const id = await s.push(url, 'x');
      await romeo.next();
      await until(() => s.events.get('trouble') === 1, 'the answer');
      romeo.refuses = undefined;
      await romeo.greet();
      await romeo.next();
      t.is(await s.settled(id), 'ack');
    },
    { away_retry: '10m' },
  );

  story('an endpoint that is given up in the old dialect is no more', async (t, s) => {
    const romeo = await s.logIn('romeo', 'orchard');
    const url = await romeo.register(legacyRegister('tok'));
    const answer = await romeo.ask("<unregister xmlns='unifiedpush.org'><token>tok</token></unregister>");
    t.regex(answer, /type="result"/);
    t.is(await s.endpoints.find(tokenOf(url)), 'revoked');
  });

  story(
    'accounts of other hosts get no endpoint',
    async (t, s) => {
      const romeo = await s.logIn('romeo', 'orchard');
      t.regex(await romeo.ask(gultschRegister(1, 2)), /<forbidden /);
      t.regex(await romeo.ask(legacyRegister('tok')), /<register xmlns="unifiedpush.org"><error>/);
      t.is(s.gates.calls('register'), 0);
    },
    { registrations: { hosts: ['elsewhere.example'] } },
  );

  story(
    'nobody registers or answers in the name of another',
    async (t, s) => {
      const juliet = await RawDevice.logIn(s.server.clientPort, 'juliet', 'balcony');
      t.teardown(() => juliet.close());
      const romeo = await s.logIn('romeo', 'orchard');
      const url = await romeo.register(gultschRegister(1, 2));
      romeo.refuses = 'internal-server-error';
      const id = await s.push(url, 'x');
      const push = await romeo.next();
      const wireId = /\bid="([^"]+)"/.exec(push)?.[1] ?? '';
      // What she says after it is answered after it.
      const forged = `<iq type="result" to="${COMPONENT}" id="${wireId}"/>`;
      await juliet.ask(
        `${forged}<iq type="get" to="${COMPONENT}" id="p"><ping xmlns="urn:xmpp:ping"/></iq>`,
        / id=.p./,
      );
      t.is(s.events.get('foreign_answer'), 1);
      t.is(await s.outcome(id), 'pending');
      // One server says whose word it is, another one ends the stream of who claims to be somebody else.
      const claim = `<iq type="set" from="${romeo.jid}" to="${COMPONENT}" id="c">${gultschRegister(9, 9)}</iq>`;
      const answer = await juliet.ask(claim, / id=.c.|invalid-from/);
      const endpoint = /endpoint=.([^"']+)/.exec(answer)?.[1];
      if (endpoint === undefined) t.regex(answer, /invalid-from/);
      else t.like(await s.endpoints.find(tokenOf(endpoint)), { owner: `xmpp:xmpp:juliet@${HOST}` });
    },
    { away_retry: '10m' },
  );

  story('the server says what the component is', async (t, s) => {
    const romeo = await s.logIn('romeo', 'orchard');
    const info = await romeo.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", 'type="get"');
    for (const feature of ['unifiedpush.org', 'http://gultsch.de/xmpp/drafts/unified-push', 'urn:xmpp:ping']) {
      t.true(info.includes(`var="${feature}"`), info);
    }
  });

  story('a restart of the server loses nothing', async (t, s) => {
    const before = await s.logIn('romeo', 'orchard');
    const url = await before.register(gultschRegister(1, 2));
    await s.server.halt();
    await until(() => s.provider.health().state === 'down', 'the loss');
    const id = await s.push(url, 'meanwhile');
    t.is(await s.outcome(id), 'pending');
    await s.server.restart();
    await until(() => s.provider.room() > 0, 'the login');
    const after = await s.logIn('romeo', 'orchard');
    await after.greet();
    t.true((await after.next()).includes(Buffer.from('meanwhile').toString('base64')));
    t.is(await s.settled(id), 'ack');
  });

  return story;
}
