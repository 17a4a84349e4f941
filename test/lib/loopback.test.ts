import test from 'ava';
import { isLoopback } from '../../src/lib/loopback.ts';

test('addresses that other machines do not reach', (t) => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'LOCALHOST']) {
    t.true(isLoopback(host), host);
  }
});

test('addresses that other machines may reach', (t) => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '::2', '::ffff:10.0.0.1', 'example.com', '127.evil.example', '']) {
    t.false(isLoopback(host), host);
  }
});
