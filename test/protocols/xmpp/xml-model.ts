import { type Arbitrary, fc } from '../../properties.ts';

/** An element as it is meant, before anybody has written it. */
export interface Model {
  readonly name: string;
  /** Empty for none. */
  readonly prefix: string;
  readonly ns: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly children: readonly (Model | string)[];
}

/** How a writer spells things: each is as good as the others. */
export interface Style {
  readonly quote: '"' | "'";
  readonly space: string;
  readonly text: 'escaped' | 'decimal' | 'hexadecimal' | 'cdata';
  readonly selfClosing: boolean;
}

/** [XML §2.2] The characters that a document may hold; a carriage return survives as a reference only. */
export const xmlText = (maxLength = 12): Arbitrary<string> =>
  fc
    .oneof(fc.string({ unit: 'binary', maxLength }), fc.constantFrom('<&>"\'', ']]>', ' \t\n', 'Grüße 😀', '\r\n'))
    .map((text) => text.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '?'));

const name = fc.constantFrom('a', 'message', 'gcm', 'x-y.z_1', 'ü', '名', '_');
const prefix = fc.constantFrom('', '', 'p', 'data');
const uri = fc.constantFrom('jabber:client', 'google:mobile:data', 'urn:x', 'urn:"<&>\'');

export const style: Arbitrary<Style> = fc.record({
  quote: fc.constantFrom('"' as const, "'" as const),
  space: fc.constantFrom(' ', '\n\t ', '\r\n'),
  text: fc.constantFrom('escaped' as const, 'decimal' as const, 'hexadecimal' as const, 'cdata' as const),
  selfClosing: fc.boolean(),
});

export function element(levels: number): Arbitrary<Model> {
  const attrs = fc.dictionary(fc.constantFrom('b', 'type', 'c-d', 'é', '__proto__'), xmlText(), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  const inner: Arbitrary<Model | string> = levels > 1 ? fc.oneof(xmlText(), element(levels - 1)) : xmlText();
  return fc.record({ name, prefix, ns: uri, attrs, children: fc.array(inner, { maxLength: 3 }) });
}

/** The element written down, every namespace declared where it is used. */
export function written(model: Model, by: Style): string {
  const name = model.prefix === '' ? model.name : `${model.prefix}:${model.name}`;
  const declaration = model.prefix === '' ? 'xmlns' : `xmlns:${model.prefix}`;
  const attribute = (key: string, value: string) =>
    `${by.space}${key}=${by.quote}${attributeValue(value, by)}${by.quote}`;
  const attrs = [[declaration, model.ns] as const, ...Object.entries(model.attrs)]
    .map(([k, v]) => attribute(k, v))
    .join('');
  const children = model.children.map((child) => (typeof child === 'string' ? textOf(child, by) : written(child, by)));
  if (by.selfClosing && children.length === 0) return `<${name}${attrs}/>`;
  return `<${name}${attrs}>${children.join('')}</${name}${by.selfClosing ? by.space : ''}>`;
}

function textOf(text: string, by: Style): string {
  if (by.text !== 'cdata' || text.includes('\r')) return references(text, by, /[&<>\r]/gu);
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

const attributeValue = (text: string, by: Style) => references(text, by, /[&<"'\t\n\r]/gu);

function references(text: string, by: Style, special: RegExp): string {
  const reference = (char: string): string => {
    const code = char.codePointAt(0) ?? 0;
    if (by.text === 'hexadecimal') return `&#x${code.toString(16)};`;
    const known = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }[char];
    return by.text === 'decimal' || known === undefined ? `&#${code};` : known;
  };
  return text.replace(special, reference);
}
