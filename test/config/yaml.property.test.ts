import test from 'ava';
import { readYaml, writeYaml } from '../../src/config/yaml.ts';
import { anyText, fc, holds, same, wholeText } from '../properties.ts';

const scalar = fc.oneof(wholeText(), fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
/** What a configuration may hold: no empty values, and no text that refers to the environment. */
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, fc.array(tie('value'), { maxLength: 3 }), tie('map')),
  map: fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4 }),
})).map;

const plain = (source: unknown): unknown => JSON.parse(JSON.stringify(source));

test('what is printed as YAML is read as the same', (t) => {
  holds(t, value, (config) => {
    const refers = JSON.stringify(config).includes('$');
    const { value: read, problems } = readYaml(Buffer.from(writeYaml(config)), 'f', {});
    if (!refers) same({ read: plain(read), problems }, { read: plain(config), problems: [] });
  });
});

test('a file of any bytes is read or has problems that name a place in it; nothing is thrown', (t) => {
  const bits = fc.oneof(
    fc.constantFrom(
      'a: ',
      '- ',
      '\n',
      '  ',
      '&a ',
      '*a',
      '<<: ',
      '!!binary ',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      '? ',
      ': ',
      '|',
      '>',
      '%YAML 9',
      '---',
      '...',
      '#',
      '\t',
      '$',
      '{X}',
      '!t ',
    ),
    anyText(6),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  const bytes = fc
    .array(bits, { maxLength: 30 })
    .map((list) => Buffer.from(list.join(''), list.length % 3 ? 'utf8' : 'latin1'));
  holds(
    t,
    bytes,
    (file) => {
      const { problems } = readYaml(file, 'f', { X: 'x' });
      same(
        problems.filter(({ at }) => !/^f:\d+:\d+$/.test(at)),
        [],
      );
    },
    1_000,
  );
});
