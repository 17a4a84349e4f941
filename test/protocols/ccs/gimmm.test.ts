import test from 'ava';
import {
  ackStanza,
  downstreamStanza,
  readServerMessage,
  type ServerMessage,
} from '../../../src/protocols/ccs/index.ts';
import { stanzas } from './elements.ts';

/** The messages of GIMMM's notes (gimmm_bal.xml), byte for byte; only placeholders like "JSON payload" are left out. */
const UPSTREAM = `<message to="xxxxx@gcm.googleapis.com" from="devices@gcm.googleapis.com" type="normal">
<gcm xmlns="google:mobile:data">
{"data": {"Hello":"World"},
"time_to_live":10,
"from":"feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3",
"message_id":"1234567",
"category":"com.gmail.rajeshkhumanthem.phantom"
}
</gcm>
</message>
`;
const UPSTREAM_ACK = `<message id="">
<gcm xmlns="google:mobile:data">
{
"to":"feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3",
"message_id":"1234567",
"message_type": "ack"
}
</gcm>
</message>
`;
const DOWNSTREAM = `<message id="">
<gcm xmlns="google:mobile:data">
{
"data": {
"greeting": "Hello World"
},
"to" : "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1..."
}
</gcm>
</message>
`;
const ACK = `<message id="">
<gcm xmlns="google:mobile:data">
{
"from":"bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1...",
"message_id":"1366082849205",
"message_type":"ack"
}
</gcm>
</message>
`;
const NACK = `<message>
<data:gcm xmlns:data="google:mobile:data">
{ "message_type":"nack",
"from":"eQq",
"message_id":"800001",
"error":"BAD_REGISTRATION",
"error_description":""
}
</data:gcm>
</message>
`;
const RECEIPT = `{
"category": "com.gmail.rajeshkhumanthem.seabus",
"data": {
"device_registration_id": "feQxxxxxxxa",
"message_sent_timestamp": "1498801519251",
"message_status": "MESSAGE_SENT_TO_DEVICE",
"original_message_id": "39"
},
"from": "gcm.googleapis.com",
"message_id": "dr2:39",
"message_type": "receipt",
"time_to_live": 0
}`;

function read(text: string): ServerMessage {
  const [element] = stanzas(text);
  if (!element) throw new Error('no stanza');
  return readServerMessage(element);
}

const payload = (text: string): string => stanzas(text)[0]?.child('gcm', 'google:mobile:data')?.text ?? '';

test('the upstream message', (t) => {
  t.deepEqual(read(UPSTREAM), {
    kind: 'upstream',
    from: 'feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3',
    id: '1234567',
    category: 'com.gmail.rajeshkhumanthem.phantom',
    json: payload(UPSTREAM).trim(),
  });
});

test('our ack says what the recorded one says', (t) => {
  const ours = ackStanza('feQqD9P957k:APA91bH-jE8j6dAohIB5spQrCajDwUsDtNdf3', '1234567');
  t.deepEqual(JSON.parse(payload(ours)), JSON.parse(payload(UPSTREAM_ACK)));
  t.deepEqual(stanzas(ours)[0]?.attrs, stanzas(UPSTREAM_ACK)[0]?.attrs);
});

test('the downstream message goes out as it is, with its id in front', (t) => {
  const json = payload(DOWNSTREAM).trim();
  const ours = downstreamStanza({ wireId: '17', json });
  t.is(ours, `<message id="17"><gcm xmlns="google:mobile:data">{"message_id":"17",${json.slice(1)}</gcm></message>`);
});

test('the ack', (t) => {
  t.deepEqual(read(ACK), {
    kind: 'ack',
    wireId: '1366082849205',
    fields: {
      from: 'bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1...',
      message_id: '1366082849205',
      message_type: 'ack',
    },
  });
});

test('the nack', (t) => {
  t.like(read(NACK), { kind: 'nack', wireId: '800001', code: 'BAD_REGISTRATION', description: '' });
});

test('the receipt', (t) => {
  const message = read(`<message type="normal"><gcm xmlns="google:mobile:data">\n${RECEIPT}\n</gcm></message>`);
  t.deepEqual(message, {
    kind: 'receipt',
    from: 'gcm.googleapis.com',
    id: 'dr2:39',
    wireId: '39',
    fields: JSON.parse(RECEIPT),
  });
});
