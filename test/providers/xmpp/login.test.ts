import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { startBridge } from './bridge.ts';
import { scene } from './scene.ts';
import { DOMAIN, ScriptedServer, SECRET } from './scripted-server.ts';
import { until } from './until.ts';

test('the login: the namespace of components, the domain, the hash of id and secret', async (t) => {
  const { peer, provider, events } = await scene(t);
  t.regex(peer.text, /^<\?xml version='1.0'\?><stream:stream [^>]*xmlns="jabber:component:accept"/);
  t.regex(peer.text, /<stream:stream [^>]*to="up\.example"/);
  t.notRegex(peer.text, /jabber:client/);
  t.is(provider.health().state, 'ok');
  t.deepEqual(provider.health().facts, { domain: DOMAIN, open: 1, connections: 1, used: 0, size: 1_000 });
  t.is(events.get('login'), 1);
});

test('before the start, and after the stop, nothing is taken', async (t) => {
  const { provider, gauge } = await scene(t);
  t.is(provider.room(), 1_000);
  t.deepEqual(gauge('pushbridge_provider_window_size'), [[{ provider: 'xmpp' }, 1_000]]);
  await provider.stop(0);
  await provider.stop(0);
  t.is(provider.room(), 0);
  t.is(provider.health().state, 'down');
  t.deepEqual(gauge('pushbridge_pool_connections'), [
    [{ provider: 'xmpp', state: 'open' }, 0],
    [{ provider: 'xmpp', state: 'connecting' }, 0],
  ]);
});

test('a server that refuses is asked again, ever more slowly, and the trouble is told', async (t) => {
  const clock = new ManualClock();
  let refusals = 0;
  const server = new ScriptedServer({
    header(peer) {
      refusals++;
      peer.write(
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' id='1'><stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>already here</text></stream:error></stream:stream>",
      );
      peer.socket.end();
    },
  });
  await server.start();
  t.teardown(() => server.stop());
  const options = { port: server.port, domain: DOMAIN, secret: SECRET };
  const { provider, events } = await startBridge(t, { clock, options });
  await until(() => events.get('login_failed') === 1, 'a refusal');
  t.is(provider.health().state, 'down');
  t.regex(provider.health().detail ?? '', /conflict \(already here\)/);
  // Half of 500 ms, of 1 s, of 2 s: the dice of the test always show one half.
  for (const [n, ms] of [250, 500, 1_000].entries()) {
    await until(() => clock.waiting > 0 && events.get('login_failed') === n + 1, 'the pause');
    await until(async () => {
      await clock.advance(0);
      return server.peers.length === n + 1;
    }, 'no hurry');
    await clock.advance(ms - 1);
    t.is(refusals, n + 1);
    await until(async () => {
      await clock.advance(1);
      return refusals === n + 2;
    }, 'the next try');
  }
});

test('a wrong secret is a trouble, not a failed start', async (t) => {
  const server = new ScriptedServer();
  await server.start();
  t.teardown(() => server.stop());
  const options = { port: server.port, domain: DOMAIN, secret: 'wrong' };
  const { provider, events } = await startBridge(t, { options });
  await until(() => events.has('login_failed'), 'the refusal');
  t.is(provider.room(), 0);
  t.regex(provider.health().detail ?? '', /not-authorized/);
});

test('a server that says nothing is given up in time', async (t) => {
  const clock = new ManualClock();
  const server = new ScriptedServer({ header() {} });
  await server.start();
  t.teardown(() => server.stop());
  const options = { port: server.port, domain: DOMAIN, secret: SECRET, login_timeout: '5s' };
  const { provider, events } = await startBridge(t, { clock, options });
  await until(() => server.peers[0]?.text.includes('jabber:component:accept') === true, 'the hello');
  await clock.advance(4_999);
  t.false(events.has('login_failed'));
  await clock.advance(1);
  await until(() => events.get('login_failed') === 1, 'the end of patience');
  t.regex(provider.health().detail ?? '', /login: no result within 5000 ms/);
});

test('a connection that is lost is made again, and so is one to a server that was away', async (t) => {
  const { server, peer, provider, events } = await scene(t);
  peer.socket.destroy();
  await until(() => provider.room() === 0 || server.peers.length > 1, 'the loss');
  const second = await server.peer(2);
  await until(() => provider.room() > 0, 'room');
  await server.stop();
  await until(() => provider.room() === 0, 'the loss');
  t.is(provider.health().state, 'down');
  await server.start();
  const third = await server.peer(3);
  t.not(second, third);
  await until(() => provider.room() > 0, 'room');
  t.is(events.get('drop'), 2);
  t.is(provider.health().state, 'ok');
});

test('a silent server is pinged, by way of itself; one that stays silent is left', async (t) => {
  const clock = new ManualClock();
  const { peer, events } = await scene(t, { clock, options: { ping_interval: '10s' } });
  await clock.advance(10_000);
  const ping = await peer.next('urn:xmpp:ping');
  t.is(ping, '<iq type="get" from="up.example" to="up.example" id="ping-1"><ping xmlns="urn:xmpp:ping"/></iq>');
  peer.write(ping);
  await clock.advance(0);
  // The same silence again: a new ping, because the first was answered.
  await until(async () => {
    await clock.advance(1_000);
    return peer.stanzas.some((stanza) => stanza.includes('ping-2'));
  }, 'the second ping');
  t.false(events.has('ping_timeout'));
  await clock.advance(10_000);
  await until(() => events.get('ping_timeout') === 1, 'the end of patience');
  await until(() => peer.socket.closed, 'the cut');
});

test('several connections, each with its login; one of them is enough', async (t) => {
  const { server, provider } = await scene(t, { options: { connections: 2 } });
  await until(() => server.peers.filter(({ online }) => online).length === 2, 'two logins');
  await until(() => provider.health().state === 'ok', 'both');
  server.peers[0]?.socket.destroy();
  await until(() => provider.health().state === 'degraded' || server.peers.length > 2, 'the loss');
  t.true(provider.room() > 0);
  await server.stop();
  await until(() => provider.health().state === 'down', 'none');
  t.is(provider.room(), 0);
});

test('one of several connections that is missing is told', async (t) => {
  let first = true;
  const { provider } = await scene(t, {
    options: { connections: 2 },
    script: {
      handshake(peer, right) {
        if (first && right) peer.write('<handshake/>');
        else {
          peer.write(
            "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
          );
        }
        first = false;
      },
    },
  });
  await until(() => provider.health().detail?.includes('conflict') === true, 'the refusal');
  t.is(provider.health().state, 'degraded');
  t.is(provider.health().detail, '1 of 2 connections are open: the server ended the login: conflict');
  t.true(provider.room() > 0);
});

test('what a stanza of a client looks like does not cost the connection, whatever its depth, width and prefixes', async (t) => {
  const { peer, events } = await scene(t);
  const deep = `<message from='a@example/r' to='up.example'>${"<a xmlns:b='c'>".repeat(9_000)}<x:y/>${'</a>'.repeat(9_000)}</message>`;
  const wide = `<message from='a@example/r' to='up.example'><a ${Array.from({ length: 5_000 }, (_, i) => `a${i}=''`).join(' ')}/></message>`;
  peer.write(deep.replace('<message ', "<message xmlns:x='urn:example' "));
  peer.write(wide);
  peer.write(`<message from='a@example/r' to='up.example'><body>${'x'.repeat(600_000)}</body></message>`);
  peer.write("<iq type='get' id='after' from='a@example/r' to='up.example'><ping xmlns='urn:xmpp:ping'/></iq>");
  t.regex(await peer.next('id="after"'), /type="result"/);
  t.false(events.has('drop'));
});

test('a stanza over the limit ends the connection, and the next one is made', async (t) => {
  const { server, peer, events } = await scene(t, { options: { max_stanza_bytes: 65_536 } });
  peer.write(`<message from='a@example/r' to='up.example'><body>${'x'.repeat(70_000)}</body></message>`);
  await server.peer(2);
  t.is(events.get('drop'), 1);
});
