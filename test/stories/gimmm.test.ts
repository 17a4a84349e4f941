import test from 'ava';
import { auth, start } from '../emulator/ccs/raw-client.ts';
import { collect, Story } from './harness.ts';

/** The client's side of GIMMM's notes, as they stand there. Only the credentials are put in, and for `JSON payload` a JSON. */
const SELF_CLOSED = `<stream:stream to="gcm.googleapis.com"
version="1.0" xmlns="jabber:client"
xmlns:stream="http://etherx.jabber.org/streams"/>
`;
const HEADER = SELF_CLOSED.replace('/>', '>');
const BIND = `<iq type="set">
<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"></bind>
</iq>
`;
const message = (id: string, json: string) => `<message id="${id}">
<gcm xmlns="google:mobile:data">
${json}
</gcm>
</message>
`;
const WITHOUT_ID = `{
"data": {
"greeting": "Hello World"
},
"to" : "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1..."
}`;
const UPSTREAM_ACK = `{
"to":"feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3",
"message_id":"1234567",
"message_type": "ack"
}`;

test('the handshake of the notes: its self-closed header is refused, an open one leads to the bound stream', async (t) => {
  const { open } = await start(t);
  const refused = open();
  refused.write(SELF_CLOSED);
  await refused.untilClosed();
  t.notRegex(refused.seen, /features/);
  const client = open();
  client.write(HEADER);
  await client.expect(/<mechanism>X-OAUTH2<\/mechanism><mechanism>X-GOOGLE-TOKEN<\/mechanism><mechanism>PLAIN</);
  client.write(`${auth()}\n`);
  await client.expect(/<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"\/>/);
  client.write(HEADER);
  await client.expect(/<bind[^>]*\/><session[^>]*\/><\/stream:features>/);
  client.write(BIND);
  const [, jid] = await client.expect(/<iq type="result"[^>]*><bind[^>]*><jid>([^<]*)<\/jid><\/bind><\/iq>/);
  t.regex(jid ?? '', /^123456@gcm\.googleapis\.com\/.+/);
});

test('the downstream sample gives the 400, because it has no id; with one it is acked', async (t) => {
  const { login } = await start(t);
  const client = await login();
  client.write(message('', WITHOUT_ID));
  const [error] = await client.expect(/<message[^>]*type="error".*?<\/message>/s);
  t.regex(error, /<error code="400" type="modify"><bad-request/);
  t.true(error.includes('"greeting": "Hello World"'), 'what was sent is echoed');
  client.write(message('123', WITHOUT_ID.replace('{', '{"message_id":"1366082849205",')));
  t.deepEqual(await client.json(), {
    from: 'bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1...',
    message_id: '1366082849205',
    message_type: 'ack',
  });
});

test('the upstream sample is acked by the ack of the notes', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  control.upstream({
    from: 'feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3',
    message_id: '1234567',
    category: 'com.gmail.rajeshkhumanthem.phantom',
    data: { Hello: 'World' },
    time_to_live: 10,
  });
  t.deepEqual(await client.json(), {
    data: { Hello: 'World' },
    time_to_live: 10,
    from: 'feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3',
    message_id: '1234567',
    category: 'com.gmail.rajeshkhumanthem.phantom',
  });
  client.write(message('', UPSTREAM_ACK));
  client.write('<iq type="get" id="p"><ping xmlns="urn:xmpp:ping"/></iq>');
  await client.expect(/<iq [^>]*id="p"/);
  t.like(control.stats(), { upstreamAcked: 1, errors406: 0 });
});

test('the BAL samples of the notes go through the whole bridge with the same fields', async (t) => {
  const story = await Story.start({ sessions: [{ id: 'asdfasdfasdf' }] });
  const backend = await story.logOn({ session_id: 'asdfasdfasdf', status: '', error_string: '', fcm_data: {} });
  const data = { to: 'bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1...', data: { greeting: 'Hello World' } };
  const sample = { message_type: 'DOWNSTREAM', session_id: 'asdfasdfasdf', message_id: '12345', group_id: '' };
  backend.send({ ...sample, fcm_data: { ...data, delivery_receipt_requested: true } });
  const answers = await collect(backend, 2, 'DOWNSTREAM_ACK', 'DOWNSTREAM_RECEIPT');
  const ack = answers.find(({ message_type }) => message_type === 'DOWNSTREAM_ACK');
  const receipt = answers.find(({ message_type }) => message_type === 'DOWNSTREAM_RECEIPT');
  t.like(ack, {
    session_id: 'asdfasdfasdf',
    message_id: '12345',
    fcm_data: { from: data.to, message_id: '12345', message_type: 'ack' },
  });
  t.like(receipt, {
    session_id: 'asdfasdfasdf',
    message_id: '12345',
    fcm_data: {
      message_id: 'dr2:12345',
      message_type: 'receipt',
      from: 'gcm.googleapis.com',
      data: { message_status: 'MESSAGE_SENT_TO_DEVICE', original_message_id: '12345', device_registration_id: data.to },
    },
  });
  backend.send({ ...sample, message_id: '12346', fcm_data: { ...data, to: 'BAD_REGISTRATION:eQq' } });
  const [reject] = await collect(backend, 1, 'DOWNSTREAM_REJECT');
  t.like(reject, { session_id: 'asdfasdfasdf', message_id: '12346', error: 'BAD_REGISTRATION' });
  t.is(reject?.error_string, reject?.error_description);
  story.emulator.control.upstream({ from: 'device', message_id: '12345', category: 'asdfasdfasdf', data: { a: 'b' } });
  const [upstream] = await collect(backend, 1, 'UPSTREAM');
  t.like(upstream, { session_id: 'asdfasdfasdf', message_id: '12345', fcm_data: { data: { a: 'b' }, from: 'device' } });
  await story.stop();
});
