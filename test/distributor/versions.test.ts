import test from 'ava';
import { call1, call2, DISTRIBUTOR, desk, V1, V2, VAPID } from './desk.ts';
import { GULTSCH } from './xmpp-server.ts';

const APP = 'org.example.App';
const body = Buffer.from([0, 1, 2, 0xff, 0xfe, 10, 13]);

/** Pushes to what was registered last, as the service does. */
const push = (application: string, instance: string, id: string, to: string): string =>
  `<iq type='set' id='${id}' from='push.localhost' to='${to}'><push xmlns='${GULTSCH}' application='${application}' instance='${instance}'>${body.toString('base64')}</push></iq>`;

for (const [signature, args] of [
  ['ss', [APP, 'token-1']],
  ['sss', [APP, 'token-1', 'An app']],
  ['ssss', [APP, 'token-1', 'An app', VAPID]],
  ['ssss without a key', [APP, 'token-1', 'An app', '']],
] as const) {
  test(`v1: Register(${signature}) is answered, then the endpoint is told`, async (t) => {
    const { bus } = await desk(t);
    const app = await bus.app(APP);
    const answer = await call1(app, 'Register', ...args);
    t.deepEqual([answer.event, answer.args], ['answered', ['REGISTRATION_SUCCEEDED', '']]);
    const told = await app.called('NewEndpoint');
    t.like(told, { interface: 'org.unifiedpush.Connector1', signature: 'ss', noReply: true });
    t.is(told.args?.[0], 'token-1');
    t.regex(String(told.args?.[1]), /^https:\/\/push\.example\/push\/[^/]+$/);
    t.deepEqual(app.rest, []);
  });
}

test('v1: a push is a Message of bytes; the service hears of it when it is on the bus', async (t) => {
  const { bus, xmpp } = await desk(t);
  const app = await bus.app(APP);
  await call1(app, 'Register', APP, 'token-1', '');
  await app.called('NewEndpoint');
  const asked = await xmpp.stanza(({ firstElement }) => firstElement?.is('register', GULTSCH) ?? false);
  const { application = '', instance = '' } = asked.firstElement?.attrs ?? {};
  xmpp.send(push(application, instance, 'm1', xmpp.jid));
  const message = await app.called('Message');
  t.like(message, { interface: 'org.unifiedpush.Connector1', signature: 'says', noReply: true });
  t.deepEqual(message.args, ['token-1', { bytes: body.toString('base64') }, 'm1']);
  const taken = await xmpp.stanza(({ attrs }) => attrs.id === 'm1');
  t.like(taken.attrs, { type: 'result', to: 'push.localhost' });
});

test('v1: what the app asked to end is confirmed with an empty token, and the next push finds nothing', async (t) => {
  const { bus, xmpp } = await desk(t);
  const app = await bus.app(APP);
  await call1(app, 'Register', APP, 'token-1', '');
  await app.called('NewEndpoint');
  const asked = await xmpp.stanza(({ firstElement }) => firstElement?.is('register', GULTSCH) ?? false);
  t.deepEqual((await call1(app, 'Unregister', 'token-1')).args, []);
  const told = await app.called('Unregistered');
  t.like(told, { interface: 'org.unifiedpush.Connector1', signature: 's', noReply: true });
  t.deepEqual(told.args, ['']);
  const { application = '', instance = '' } = asked.firstElement?.attrs ?? {};
  xmpp.send(push(application, instance, 'm2', xmpp.jid));
  const answer = await xmpp.stanza(({ attrs }) => attrs.id === 'm2');
  t.is(answer.attrs.type, 'error');
  t.truthy(answer.child('error', 'jabber:client')?.child('item-not-found', 'urn:ietf:params:xml:ns:xmpp-stanzas'));
});

test('v2: everything is a{sv}, from Register to Unregistered', async (t) => {
  const { bus, xmpp } = await desk(t);
  const app = await bus.app(APP);
  const answer = await call2(app, 'Register', { service: APP, token: '{t-2}', description: 'An app', vapid: VAPID });
  t.deepEqual(answer.args, [{ success: 'REGISTRATION_SUCCEEDED' }]);
  const told = await app.called('NewEndpoint');
  t.like(told, { interface: 'org.unifiedpush.Connector2', signature: 'a{sv}' });
  const [{ token, endpoint, ...rest }] = told.args as [Record<string, string>];
  t.deepEqual([token, rest], ['{t-2}', {}]);
  t.regex(endpoint ?? '', /^https:/);

  const asked = await xmpp.stanza(({ firstElement }) => firstElement?.is('register', GULTSCH) ?? false);
  const { application = '', instance = '' } = asked.firstElement?.attrs ?? {};
  xmpp.send(push(application, instance, 'm1', xmpp.jid));
  const message = await app.called('Message');
  t.like(message, { interface: 'org.unifiedpush.Connector2', signature: 'a{sv}', noReply: false });
  t.deepEqual(message.args, [{ token: '{t-2}', message: { bytes: body.toString('base64') }, id: 'm1' }]);

  t.deepEqual((await call2(app, 'Unregister', { token: '{t-2}' })).args, [{}]);
  const ended = await app.called('Unregistered');
  t.like(ended, { interface: 'org.unifiedpush.Connector2', signature: 'a{sv}' });
  t.deepEqual(ended.args, [{ token: '{t-2}' }]);
});

test('who introspects sees both versions, and the way to them', async (t) => {
  const { bus } = await desk(t);
  const app = await bus.app('-');
  const introspect = async (path: string) => {
    const heard = await app.call({
      destination: DISTRIBUTOR,
      path,
      interface: 'org.freedesktop.DBus.Introspectable',
      member: 'Introspect',
      signature: '',
      args: [],
    });
    return heard.error ?? String(heard.args?.[0]);
  };
  const xml = await introspect('/org/unifiedpush/Distributor');
  for (const face of [V1, V2]) {
    t.regex(xml, new RegExp(`<interface name="${face}"><method name="Register">.*<method name="Unregister">`), face);
  }
  t.is(xml.match(/type="a\{sv\}"/g)?.length, 4);
  t.regex(await introspect('/'), /<node name="org"\/>/);
  t.regex(await introspect('/org/unifiedpush'), /<node name="Distributor"\/>/);
  t.is(await introspect('/com'), 'org.freedesktop.DBus.Error.UnknownObject');
});

for (const [what, path, face, member, error] of [
  ['another object', '/x', V1, 'Register', 'UnknownObject'],
  ['another interface', '/org/unifiedpush/Distributor', 'org.unifiedpush.Distributor3', 'Register', 'UnknownInterface'],
  ['another method', '/org/unifiedpush/Distributor', V2, 'Subscribe', 'UnknownMethod'],
] as const) {
  test(`${what} is answered with ${error}`, async (t) => {
    const { bus } = await desk(t);
    const app = await bus.app('-');
    const heard = await app.call({ destination: DISTRIBUTOR, path, interface: face, member, signature: '', args: [] });
    t.is(heard.error, `org.freedesktop.DBus.Error.${error}`);
  });
}
