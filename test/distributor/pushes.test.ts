import { existsSync, readFileSync, unlinkSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import test from 'ava';
import type { XmlElement } from '../../src/protocols/xmpp/index.ts';
import { call1, call2, type Desk, desk, here } from './desk.ts';
import type { App } from './private-bus.ts';
import { GULTSCH } from './xmpp-server.ts';

const APP = 'org.example.App';
const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

async function registered(desk: Desk, token = 't'): Promise<{ app: App; application: string; instance: string }> {
  const app = await desk.bus.app(APP);
  await call2(app, 'Register', { service: APP, token });
  await app.called('NewEndpoint');
  const { application = '', instance = '' } = (await asked(desk)).attrs;
  return { app, application, instance };
}

/** What the push service was asked for. */
async function asked({ xmpp }: Desk): Promise<XmlElement> {
  const iq = await xmpp.stanza(({ firstElement }) => firstElement?.name === 'register');
  return iq.firstElement ?? iq;
}

const push = (id: string, application: string, instance: string, content: string, from = 'push.localhost'): string =>
  `<iq type='set' id='${id}' from='${from}' to='romeo@localhost'><push xmlns='${GULTSCH}' application='${application}' instance='${instance}'>${content}</push></iq>`;

/** The condition of the answer to the push of this id; `taken` for none. */
async function answer({ xmpp }: Desk, id: string): Promise<string> {
  const iq = await xmpp.stanza(({ attrs }) => attrs.id === id);
  const error = iq.child('error', 'jabber:client');
  return (
    error?.children.map((child) => (typeof child === 'string' ? '' : child.name)).find((name) => name !== 'text') ??
    'taken'
  );
}

test('a push is taken from nobody but the push service', async (t) => {
  const here = await desk(t);
  const { app, application, instance } = await registered(here);
  for (const [index, from] of ['evil.localhost', 'romeo@localhost/x', 'localhost', 'a@push.localhost'].entries()) {
    here.xmpp.send(push(`f${index}`, application, instance, 'aGk=', from));
    t.is(await answer(here, `f${index}`), 'service-unavailable', from);
  }
  here.xmpp.send(push('g', application, instance, 'aGk=', 'PUSH.localhost/resource'));
  t.is(await answer(here, 'g'), 'taken');
  t.like(await app.called('Message'), { args: [{ token: 't', message: { bytes: 'aGk=' }, id: 'g' }] });
  t.deepEqual(app.rest, []);
  t.true(here.logged.includes('push from somebody who is not the push service'));
});

test('a push is taken from the service that gave the endpoint until another one gives it', async (t) => {
  const one = await desk(t);
  const { app, application, instance } = await registered(one);
  const give = one.xmpp.behaviour.register;
  one.xmpp.behaviour.register = () => `<error type='wait'><internal-server-error xmlns='${STANZAS}'/></error>`;
  const elsewhere = { gateway: { jid: 'other.localhost', dialect: 'gultsch' } };
  await one.again(elsewhere);
  await asked(one);
  one.xmpp.send(push('a', application, instance, 'aGk='));
  t.is(await answer(one, 'a'), 'taken');
  t.like(await app.called('Message'), { args: [{ token: 't', id: 'a' }] });
  one.xmpp.send(push('b', application, instance, 'aGk=', 'evil.localhost'));
  t.is(await answer(one, 'b'), 'service-unavailable');
  one.xmpp.behaviour.register = (iq, jid) => give(iq, jid).replace('push.example', 'other.example');
  await one.again(elsewhere);
  await app.called('NewEndpoint');
  one.xmpp.send(push('c', application, instance, 'aGk='));
  t.is(await answer(one, 'c'), 'service-unavailable');
});

test('what can not be a push to an app of ours is refused, each with its condition', async (t) => {
  const here = await desk(t);
  const { app, application, instance } = await registered(here);
  const other = Buffer.alloc(32, 7).toString('base64');
  for (const [id, stanza, condition] of [
    ['instance', push('instance', application, other, 'aGk='), 'item-not-found'],
    ['application', push('application', other, instance, 'aGk='), 'item-not-found'],
    ['base64', push('base64', application, instance, 'a*k='), 'bad-request'],
    ['empty', push('empty', application, instance, ''), 'bad-request'],
    ['4097', push('4097', application, instance, Buffer.alloc(4097).toString('base64')), 'bad-request'],
  ] as const) {
    here.xmpp.send(stanza);
    t.is(await answer(here, id), condition, id);
  }
  const most = Buffer.alloc(4096, 1).toString('base64');
  here.xmpp.send(push('4096', application, instance, most));
  t.is(await answer(here, '4096'), 'taken');
  t.like(await app.called('Message'), { args: [{ token: 't', message: { bytes: most }, id: '4096' }] });
  t.deepEqual(app.rest, []);
});

test('a repeat of what was handed over is answered, not handed over again', async (t) => {
  const here = await desk(t);
  const { app, application, instance } = await registered(here);
  for (const id of ['m', 'm', 'n']) {
    here.xmpp.send(push(id, application, instance, 'aGk='));
    t.is(await answer(here, id), 'taken');
  }
  t.like(await app.called('Message'), { args: [{ id: 'm' }] });
  t.like(await app.called('Message'), { args: [{ id: 'n' }] });
});

test('an app that can not be started is waited for: its push has to come again, and is asked for when it is there', async (t) => {
  const one = await desk(t);
  const { app, application, instance } = await registered(one);
  await app.stop();
  one.xmpp.send(push('m1', application, instance, 'aGk='));
  const error = await one.xmpp.stanza(({ attrs }) => attrs.id === 'm1');
  t.is(error.child('error', 'jabber:client')?.attrs.type, 'wait');
  t.truthy(error.child('error', 'jabber:client')?.child('recipient-unavailable', STANZAS));
  const back = await one.bus.app(APP);
  await here(one.xmpp);
  one.xmpp.send(push('m1', application, instance, 'aGk='));
  t.is(await answer(one, 'm1'), 'taken');
  t.like(await back.called('Message'), { args: [{ id: 'm1' }] });
});

test('an app that does not run is started for its push', async (t) => {
  const one = await desk(t);
  const { heard } = one.bus.install(APP);
  const { app, application, instance } = await registered(one);
  await app.stop();
  one.xmpp.send(push('m1', application, instance, 'aGk='));
  t.is(await answer(one, 'm1'), 'taken');
  const line = await lineWith(heard, '"Message"');
  t.like(JSON.parse(line), { args: [{ token: 't', message: { bytes: 'aGk=' }, id: 'm1' }] });
});

test('a repeat that comes while the app is being started is not handed over again', async (t) => {
  const one = await desk(t);
  const { heard } = one.bus.install(APP);
  const { app, application, instance } = await registered(one);
  await app.stop();
  for (const id of ['m1', 'm1', 'm2']) one.xmpp.send(push(id, application, instance, 'aGk='));
  for (const id of ['m1', 'm1', 'm2']) t.is(await answer(one, id), 'taken');
  await lineWith(heard, '"m2"');
  const lines = readFileSync(heard, 'utf8').split('\n');
  t.is(lines.filter((line) => line.includes('"m1"')).length, 1);
});

/** The first line of a growing file that has `text` in it. */
async function lineWith(file: string, text: string): Promise<string> {
  const look = () =>
    (existsSync(file) ? readFileSync(file, 'utf8') : '').split('\n').find((line) => line.includes(text));
  const watcher = watch(dirname(file));
  try {
    for (let found = look(); ; found = look()) {
      if (found !== undefined) return found;
      await new Promise((resolve) => watcher.once('change', resolve));
    }
  } finally {
    watcher.close();
  }
}

test('the old dialect: messages, receipts, bytes beside the text, and an end that the service is told', async (t) => {
  const one = await desk(t, { gateway: { jid: 'push.localhost', dialect: 'legacy' } });
  one.xmpp.behaviour.features = ['unifiedpush.org'];
  const app = await one.bus.app(APP);
  await call1(app, 'Register', APP, 't', '');
  t.like(await app.called('NewEndpoint'), { args: ['t', 'https://push.example/UP?token=x'] });
  const token = (await asked(one)).child('token', 'unifiedpush.org')?.text ?? '';
  const message = (id: string, inner: string, more = '') =>
    `<message from='push.localhost' to='romeo@localhost' id='${id}'${more}><subject>${token}</subject>${inner}</message>`;
  const receipt = "<request xmlns='urn:xmpp:receipts'/>";
  one.xmpp.send(message('m1', `<body>h&#252; &lt;</body>${receipt}`));
  t.like(await app.called('Message'), { args: ['t', { bytes: Buffer.from('hü <').toString('base64') }, 'm1'] });
  const received = await one.xmpp.stanza(({ name }) => name === 'message');
  t.is(received.attrs.to, 'push.localhost');
  t.is(received.child('received', 'urn:xmpp:receipts')?.attrs.id, 'm1');
  one.xmpp.send(message('m2', "<body>?</body><content xmlns='urn:pushbridge:content:0'>AP8=</content>"));
  t.like(await app.called('Message'), { args: ['t', { bytes: 'AP8=' }, 'm2'] });
  // Chats are none of ours, and pushes of others are none.
  one.xmpp.send(message('m3', '<body>x</body>', " type='chat'"));
  one.xmpp.send(message('m4', '<body>x</body>').replace('push.localhost', 'evil.localhost'));
  one.xmpp.send(message('m5', '<body>last</body>'));
  t.like(await app.called('Message'), { args: ['t', { bytes: Buffer.from('last').toString('base64') }, 'm5'] });
  await call1(app, 'Unregister', 't');
  const ended = await one.xmpp.stanza(({ firstElement }) => firstElement?.name === 'unregister');
  t.is(ended.firstElement?.child('token', 'unifiedpush.org')?.text, token);
  // A service that has missed it hears of it again.
  one.xmpp.send(message('m6', '<body>late</body>'));
  await one.xmpp.stanza(({ firstElement }) => firstElement?.name === 'unregister');
  await app.called('Unregistered');
  t.deepEqual(app.rest, []);
});

test('an app whose service is gone is gone itself: at the start its endpoints end', async (t) => {
  const one = await desk(t);
  const { file } = one.bus.install(APP);
  const { app, application, instance } = await registered(one);
  await app.stop();
  unlinkSync(file);
  // The bus looks for its services anew.
  const other = await one.bus.app('-');
  await other.call({
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
    member: 'ReloadConfig',
    signature: '',
    args: [],
  });
  await one.again();
  await here(one.xmpp);
  one.xmpp.send(push('m1', application, instance, 'aGk='));
  t.is(await answer(one, 'm1'), 'item-not-found');
});
