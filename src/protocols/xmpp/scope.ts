import { NS } from './namespaces.ts';
import type { Attributes, Tag } from './tag.ts';
import { XmlError } from './xml-error.ts';

/** The namespaces in force at an element: what it declares itself, and behind that what its parents do. */
export class Scope {
  static readonly root: Scope = new Scope(undefined, new Map([['xml', NS.xml]]));
  readonly #parent: Scope | undefined;
  readonly #own: ReadonlyMap<string, string>;
  /** The namespace of names without a prefix; empty for none. */
  readonly default: string;

  private constructor(parent: Scope | undefined, own: ReadonlyMap<string, string>) {
    this.#parent = parent;
    this.#own = own;
    this.default = own.get('') ?? parent?.default ?? '';
  }

  /** The namespace of `prefix`, or undefined if nobody declares it. */
  find(prefix: string): string | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.#parent) {
      const uri = scope.#own.get(prefix);
      if (uri !== undefined) return uri;
    }
    return undefined;
  }

  /** The scope inside an element with these attributes. */
  enter(attrs: Attributes): Scope | XmlError {
    const own = new Map<string, string>();
    for (const key in attrs) {
      const uri = attrs[key] ?? '';
      if (key === 'xmlns') own.set('', uri);
      else if (key.startsWith('xmlns:')) {
        const prefix = key.slice(6);
        // [XML Namespaces §3] xml has its fixed meaning, xmlns none, and a prefix cannot be undeclared.
        const wrong = prefix === 'xmlns' || uri === '' || (prefix === 'xml') !== (uri === NS.xml);
        if (wrong) return new XmlError('bad-namespace-prefix', `a bad declaration of the prefix ${prefix}`);
        own.set(prefix, uri);
      }
    }
    return new Scope(this, own);
  }

  /** The namespace of an element's or attribute's name; an attribute without prefix has none. */
  resolve(name: string): string | XmlError {
    const colon = name.indexOf(':');
    if (colon < 0) return this.default;
    return this.find(name.slice(0, colon)) ?? new XmlError('bad-namespace-prefix', `an undeclared prefix: ${name}`);
  }
}

/** Checks the prefixes of a tag's attributes. [XML Namespaces §6.3] */
export function checkAttributes(tag: Tag, scope: Scope): XmlError | undefined {
  let seen: Set<string> | undefined;
  for (const key in tag.attrs) {
    const colon = key.indexOf(':');
    if (colon < 0 || key.startsWith('xmlns:')) continue;
    const ns = scope.resolve(key);
    if (typeof ns !== 'string') return ns;
    const full = `${ns} ${key.slice(colon + 1)}`;
    seen ??= new Set();
    if (seen.has(full)) return new XmlError('not-well-formed', `attribute ${key} twice`);
    seen.add(full);
  }
  return undefined;
}
