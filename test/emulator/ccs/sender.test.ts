import test from 'ava';
import { newCounters } from '../../../src/emulator/ccs/counters.ts';
import { Sender, type Upstream } from '../../../src/emulator/ccs/sender.ts';

const item = (id: string): Upstream => ({ id, from: 'device', json: '{}', expiresAt: undefined, sent: 0 });

test('a sender id is idle, and may be forgotten, when nobody is there and nothing waits', (t) => {
  const counters = newCounters();
  const sender = new Sender('1', () => counters, Date.now);
  const peer = { upstreamRoom: 0, sendUpstream() {} };
  t.true(sender.idle);
  sender.join(peer);
  t.false(sender.idle);
  sender.leave(peer, [item('unacked')]);
  t.false(sender.idle);
  const reader = { upstreamRoom: 1, sendUpstream: () => void reader.upstreamRoom-- };
  sender.join(reader);
  sender.leave(reader, []);
  t.true(sender.idle);
  sender.offer(item('waits'));
  t.false(sender.idle);
});
