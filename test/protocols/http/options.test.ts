import test from 'ava';
import { httpOptions } from '../../../src/protocols/http/index.ts';

const takes = (public_url: string): boolean => httpOptions.safeParse({ public_url }).success;

test('public_url is the beginning of an https URL', (t) => {
  for (const url of ['https://push.example.com', 'https://example.com:8443/push', 'https://[::1]']) t.true(takes(url));
  for (const url of [
    'http://push.example.com',
    'push.example.com',
    'https://',
    'https://a/',
    'https://u@a',
    'https://a?b',
  ]) {
    t.false(takes(url), url);
  }
});

test('public_url leaves room for the rest of an endpoint', (t) => {
  const url = (length: number) => 'https://push.example.com/'.padEnd(length, 'x');
  t.true(takes(url(950)));
  t.false(takes(url(951)));
});
