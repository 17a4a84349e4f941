import test from 'ava';
import { parseJid } from '../../../src/protocols/unifiedpush/index.ts';

const GOOD: readonly [text: string, local: string, domain: string, resource: string, bare: string][] = [
  ['a@b.example/c', 'a', 'b.example', 'c', 'a@b.example'],
  ['a@B.Example', 'a', 'b.example', '', 'a@b.example'],
  ['b.example', '', 'b.example', '', 'b.example'],
  ['b.example/c@d/e', '', 'b.example', 'c@d/e', 'b.example'],
  ['a@b/c d', 'a', 'b', 'c d', 'a@b'],
  [`${'a'.repeat(1023)}@b`, 'a'.repeat(1023), 'b', '', `${'a'.repeat(1023)}@b`],
];

for (const [text, local, domain, resource, bare] of GOOD) {
  test(`an address: ${text.slice(0, 40)}`, (t) => t.deepEqual(parseJid(text), { local, domain, resource, bare }));
}

for (const text of ['', '@b', 'a@', 'a@b/', '/c', 'a@b@c', `${'a'.repeat(1024)}@b`, `a@b/${'€'.repeat(342)}`]) {
  test(`no address: ${text.slice(0, 40)}`, (t) => t.is(parseJid(text), undefined));
}
