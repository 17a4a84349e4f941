import test from 'ava';
import { nearest } from '../../src/lib/nearest.ts';

const keys = ['host', 'port', 'logon_timeout', 'max_frame_bytes', 'tls'];

test('one or two slips are forgiven', (t) => {
  t.is(nearest('prot', keys), 'port');
  t.is(nearest('hst', keys), 'host');
  t.is(nearest('Host', keys), 'host');
  t.is(nearest('logon-timeout', keys), 'logon_timeout');
  t.is(nearest('logontimeuot', keys), 'logon_timeout');
  t.is(nearest('max_frames_byte', keys), 'max_frame_bytes');
});

test('what is far from everything is nothing', (t) => {
  t.is(nearest('address', keys), undefined);
  t.is(nearest('x', keys), undefined);
  t.is(nearest('', keys), undefined);
  t.is(nearest('logon_timeouts_all', keys), undefined);
});

test('the closest one wins', (t) => {
  t.is(nearest('ports', ['pots', 'port']), 'pots');
  t.is(nearest('tl', ['tls', 'tl']), 'tl');
});
