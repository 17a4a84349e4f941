import { readFileSync } from 'node:fs';
import test from 'ava';
import { blocks, rewrite } from '../../scripts/docs.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('the README has a block for configuration, commands, errors and metrics', (t) => {
  for (const name of ['config', 'cli', 'errors', 'metrics']) {
    t.regex(readme, new RegExp(`<!-- ${name} -->.*<!-- /${name} -->`, 's'), name);
  }
});

for (const name of Object.keys(blocks)) {
  test(`the README's block ${name} is what the code says; npm run docs writes it`, (t) => {
    const block = new RegExp(`<!-- ${name} -->\n(.*?)\n?<!-- /${name} -->`, 's').exec(readme);
    t.is(block?.[1], blocks[name]?.());
  });
}

test('blocks are written in place, the rest stays', (t) => {
  const text = 'before\n<!-- errors -->\nold $1 $&\n<!-- /errors -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n';
  const after = rewrite(text);
  t.regex(after, /^before\n<!-- errors -->\n\| code \|/);
  t.regex(after, /\n<!-- \/errors -->\nafter\n<!-- other -->\nkept\n<!-- \/other -->\n$/);
  t.notRegex(after, /old/);
  t.is(rewrite(after), after);
});
