import { nearest } from '../lib/nearest.ts';
import { z } from '../lib/schema.ts';
import { type Path, pathText } from './problems.ts';
import { expand } from './references.ts';
import { providerSchema, providerType, type SectionName, sections } from './schema.ts';
import { fieldAt, fieldOf, fieldsOf, itemOf, readText } from './walk.ts';
import { type Environment, readYamlValue, type Source } from './yaml.ts';

/** A value that a flag gave: it wins over the file. */
export interface Override {
  /** The key, such as `bal.port` or `sessions[0].id`. */
  readonly key: string;
  /** As written; lists and maps in YAML's flow style, `[a, b]`. */
  readonly value: string;
  /** The flag, to name it in problems: `--set`, `--bal-port`. */
  readonly flag: string;
}

type Container = Record<string | number, unknown>;

/** `sessions[0].id` and `sessions.0.id` both name the first session's id. */
export function parseKey(key: string): Path | undefined {
  const parts = key.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  if (parts.some((part) => part === '')) return undefined;
  return parts.map((part) => (/^\d{1,6}$/.test(part) ? Number(part) : part));
}

/** The schema of the value at `path`, as far as the path is known; what is at `root` tells the types of providers. */
export function schemaAt(path: Path, root: unknown): z.ZodType | undefined {
  const [section, name, ...rest] = path;
  if (section === 'providers' && name !== undefined) {
    const type = providerType(String(name), at(root, ['providers', name]));
    return fieldAt(providerSchema(type), rest);
  }
  if (typeof section !== 'string' || !Object.hasOwn(sections, section)) return undefined;
  return fieldAt(sections[section as SectionName], path.slice(1));
}

/** The value at `path`, or undefined if there is none. */
export function at(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? (value as Container)[part] : undefined),
    root,
  );
}

/** Puts the values of flags over those of the file, in their order. */
export function applyOverrides(source: Source, overrides: readonly Override[], env: Environment): void {
  for (const override of overrides) {
    const message = apply(source, override, env);
    if (message) source.problems.push({ at: override.flag, key: override.key, message });
  }
}

/** Puts one value; or says why it can't. */
function apply(source: Source, { key, value, flag }: Override, env: Environment): string | undefined {
  const path = parseKey(key);
  if (!path) return 'is no key; keys look like bal.port or sessions[0].id';
  const section = String(path[0]);
  if (!Object.hasOwn(sections, section)) {
    const meant = nearest(section, Object.keys(sections));
    return meant ? `unknown key; did you mean ${meant}?` : 'unknown key';
  }
  const parent = open(source, path, flag);
  if (typeof parent === 'string') return parent;
  const last = path.at(-1) ?? '';
  const wrong = mayHold(parent, last);
  if (wrong) return wrong;
  mark(source, path, flag);
  parent[last] = read(source, path, value, flag, env);
  return undefined;
}

/** The map or list that holds the last part of `path`, made on the way where the file has none; or why there is none. */
function open(source: Source, path: Path, flag: string): Container | string {
  let holder = source.value as Container;
  for (const [depth, part] of path.slice(0, -1).entries()) {
    const here = path.slice(0, depth + 1);
    const wrong = mayHold(holder, part);
    if (wrong) return wrong;
    if (holder[part] === undefined) {
      const schema = schemaAt(here, source.value);
      holder[part] = schema && fieldOf(schema).inner instanceof z.ZodArray ? [] : Object.create(null);
      mark(source, here, flag);
    }
    if (typeof holder[part] !== 'object') return `${pathText(here)} is neither a map nor a list`;
    holder = holder[part] as Container;
  }
  return holder;
}

function mayHold(holder: Container, part: string | number): string | undefined {
  if (!Array.isArray(holder)) return undefined;
  if (typeof part !== 'number') return 'needs the position in the list, such as sessions[0]';
  return part > holder.length ? `the list has only ${holder.length} entries` : undefined;
}

function mark(source: Source, path: Path, flag: string): void {
  source.keys.set(pathText(path), flag);
  source.values.set(pathText(path), flag);
}

function read(source: Source, path: Path, written: string, flag: string, env: Environment): unknown {
  const schema = schemaAt(path, source.value);
  if (schema && (fieldsOf(schema) || itemOf(schema))) return readYamlValue(written, path, flag, source, env);
  const { text, wrong } = expand(written, env);
  for (const message of wrong) source.problems.push({ at: flag, key: pathText(path), message });
  if (wrong.length > 0) return undefined;
  source.texts.push({ path, at: flag });
  return text;
}

/** Turns text that came from the environment or from flags into what the schema asks for at its place. */
export function readTexts(source: Source): void {
  for (const { path } of source.texts) {
    const holder = at(source.value, path.slice(0, -1));
    const last = path.at(-1);
    if (typeof holder !== 'object' || holder === null || last === undefined) continue;
    const text = (holder as Container)[last];
    if (typeof text === 'string') (holder as Container)[last] = readText(schemaAt(path, source.value), text);
  }
}
