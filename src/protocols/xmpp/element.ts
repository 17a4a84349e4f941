import { NS } from './namespaces.ts';
import type { Attributes } from './tag.ts';
import { escapeAttribute, escapeText } from './xml.ts';

/** An XML element as it was read: names are resolved, attributes are as written. */
export class XmlElement {
  /** The local name, without the prefix. */
  readonly name: string;
  /** The namespace; empty for none. */
  readonly ns: string;
  /** Empty for none. For printing only: what an element is, its namespace says. */
  readonly prefix: string;
  readonly attrs: Attributes;
  readonly children: (XmlElement | string)[] = [];

  constructor(qname: string, ns: string, attrs: Attributes) {
    const colon = qname.indexOf(':');
    this.name = colon < 0 ? qname : qname.slice(colon + 1);
    this.prefix = colon < 0 ? '' : qname.slice(0, colon);
    this.ns = ns;
    this.attrs = attrs;
  }

  is(name: string, ns: string): boolean {
    return this.name === name && this.ns === ns;
  }

  /** The first child element of this name and namespace. */
  child(name: string, ns: string): XmlElement | undefined {
    for (const child of this.children) if (typeof child !== 'string' && child.is(name, ns)) return child;
    return undefined;
  }

  /** The first child element, whatever it is. */
  get firstElement(): XmlElement | undefined {
    for (const child of this.children) if (typeof child !== 'string') return child;
    return undefined;
  }

  /** The text directly inside, without that of children. */
  get text(): string {
    const [only] = this.children;
    if (this.children.length === 1 && typeof only === 'string') return only;
    return this.children.filter((child) => typeof child === 'string').join('');
  }

  /** The element as XML that means the same inside a parent whose default namespace is `outer`. */
  toXml(outer: string = NS.client): string {
    return print(this, new Map([['', outer]]));
  }
}

function print(element: XmlElement, outer: ReadonlyMap<string, string>): string {
  const scope = new Map(outer);
  const name = element.prefix ? `${element.prefix}:${element.name}` : element.name;
  let tag = `<${name}`;
  for (const key in element.attrs) {
    const value = element.attrs[key] ?? '';
    if (key === 'xmlns') scope.set('', value);
    else if (key.startsWith('xmlns:')) scope.set(key.slice(6), value);
    tag += ` ${key}="${escapeAttribute(value)}"`;
  }
  if (scope.get(element.prefix) !== element.ns) {
    scope.set(element.prefix, element.ns);
    tag += ` xmlns${element.prefix && `:${element.prefix}`}="${escapeAttribute(element.ns)}"`;
  }
  if (element.children.length === 0) return `${tag}/>`;
  const inner = element.children.map((child) => (typeof child === 'string' ? escapeText(child) : print(child, scope)));
  return `${tag}>${inner.join('')}</${name}>`;
}
