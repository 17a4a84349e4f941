import { reason } from '../lib/log.ts';
import { nearest } from '../lib/nearest.ts';
import type { z } from '../lib/schema.ts';
import { Secret } from '../lib/secret.ts';
import { checkFiles } from './files.ts';
import { applyOverrides, at, type Override, readTexts } from './overrides.ts';
import { ConfigError, type Path, type Problem, pathText } from './problems.ts';
import { checkRules } from './rules.ts';
import {
  type Config,
  PROVIDER_NAME,
  providerSchema,
  providerType,
  providerTypes,
  type SectionName,
  sections,
} from './schema.ts';
import { fieldAt, fieldsOf } from './walk.ts';
import { words } from './words.ts';
import { type Environment, emptySource, readBounded, readYaml, type Source } from './yaml.ts';

/** Where a configuration comes from: a file, text with a name for problems, or nothing but flags. */
export type ConfigFrom =
  | { readonly file: string }
  | { readonly text: string | Uint8Array; readonly name?: string }
  | { readonly flags: true };

export interface LoadOptions {
  /** Where `${NAME}` is looked up; nothing is taken from the process behind the caller's back. */
  readonly env?: Environment;
  /** Values of flags, which win over the file. */
  readonly overrides?: readonly Override[];
  /** Look whether the files that the configuration names can be read. */
  readonly files?: boolean;
}

/**
 * The effective configuration, frozen.
 * @throws ConfigError with every problem that was found, each with its line; never with a secret
 */
export function loadConfig(from: ConfigFrom, { env = {}, overrides = [], files = false }: LoadOptions = {}): Config {
  const source = open(from, env);
  // A file that can't be read at all would only make every key look absent.
  if (source.problems.some(({ key }) => key === '')) throw new ConfigError(source.problems);
  applyOverrides(source, overrides, env);
  readTexts(source);
  return new Reader(source).config(files);
}

/** A section as it is written in the file: durations are texts. */
export type Written<K extends SectionName> = NonNullable<z.input<(typeof sections)[K]>>;

/**
 * One section alone, for commands that need no more: checked, but as it was written. The others are not looked at.
 * @throws ConfigError as {@link loadConfig} does
 */
export function loadSection<K extends Exclude<SectionName, 'providers'>>(
  section: K,
  from: ConfigFrom,
  { env = {}, overrides = [] }: LoadOptions = {},
): Written<K> {
  const source = open(from, env);
  if (source.problems.some(({ key }) => key === '')) throw new ConfigError(source.problems);
  // A missing variable of another section is that section's problem.
  const own = (key: string) => key === section || key.startsWith(`${section}.`) || key.startsWith(`${section}[`);
  source.problems = source.problems.filter(({ key }) => own(key));
  applyOverrides(source, overrides, env);
  readTexts(source);
  new Reader(source).check(section);
  return (at(source.value, [section]) ?? {}) as Written<K>;
}

function open(from: ConfigFrom, env: Environment): Source {
  if ('flags' in from) return emptySource('flags');
  if ('text' in from) return readYaml(Buffer.from(from.text), from.name ?? 'configuration', env);
  let bytes: Uint8Array;
  try {
    bytes = readBounded(from.file);
  } catch (cause) {
    throw new ConfigError([{ at: from.file, key: '', message: `can not be read: ${reason(cause)}` }], { cause });
  }
  return readYaml(bytes, from.file, env);
}

/** Checks a source section by section, so that one that is wrong does not hide the problems of another. */
class Reader {
  readonly #source: Source;
  readonly #problems: Problem[];
  /** Keys that already have their problem: what follows from it is not told. */
  readonly #told: Set<string>;

  constructor(source: Source) {
    this.#source = source;
    this.#problems = [...source.problems];
    this.#told = new Set(source.problems.map(({ key }) => key));
  }

  config(files: boolean): Config {
    const root = this.#source.value as Record<string, unknown>;
    this.#unknown([], Object.keys(root), Object.keys(sections));
    const read: Record<string, unknown> = {};
    for (const name of Object.keys(sections) as SectionName[]) {
      const value = this.#read([name], sections[name], root[name]);
      if (value !== undefined) read[name] = value;
    }
    const written = (read.providers ? root.providers : undefined) ?? {};
    read.providers = this.#providers(written);
    const names = Object.keys(written);
    // What the rules find absent is what could not be read.
    const partial = read as Partial<Config>;
    checkRules(partial, names, (path, message) => this.#wrong(path, message));
    if (files) checkFiles(partial, (path, message) => this.#wrong(path, message));
    this.#throw();
    return deepFreeze(read) as Config;
  }

  check(name: SectionName): void {
    this.#read([name], sections[name], at(this.#source.value, [name]));
    this.#throw();
  }

  #providers(written: object): Record<string, unknown> {
    const read: Record<string, unknown> = {};
    for (const [name, options] of Object.entries(written)) {
      if (!PROVIDER_NAME.test(name)) continue; // a rule tells of it
      const path = ['providers', name];
      const type = providerType(name, options);
      const schema = providerSchema(type);
      if (!schema) {
        const known = Object.keys(providerTypes).join(', ');
        const typed = typeof options === 'object' && options !== null && 'type' in options;
        this.#wrong(typed ? [...path, 'type'] : path, `is of no known type; \`type\` must be one of: ${known}`);
        continue;
      }
      const typed =
        typeof options === 'object' && !Array.isArray(options) ? Object.assign(nothing(), { type }, options) : options;
      const value = this.#read(path, schema, typed);
      if (value !== undefined) read[name] = value;
    }
    return read;
  }

  /** The value that the schema makes of `written`, or undefined after noting what is wrong with it. */
  #read(path: Path, schema: z.ZodType, written: unknown): unknown {
    const result = schema.safeParse(written, { error: words, reportInput: false });
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      const where = [...path, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
      if (issue.code !== 'unrecognized_keys') this.#wrong(where, issue.message);
      else this.#unknown(where, issue.keys, Object.keys(fieldsIn(schema, issue.path as Path)));
    }
    return undefined;
  }

  #unknown(where: Path, keys: readonly string[], known: readonly string[]): void {
    for (const key of keys) {
      if (known.includes(key)) continue;
      const meant = nearest(key, known);
      const hint = meant ? `did you mean ${meant}?` : `known keys: ${known.join(', ')}`;
      const path = [...where, key];
      this.#problems.push({ at: this.#whereKey(path), key: pathText(path), message: `unknown key; ${hint}` });
    }
  }

  #wrong(path: Path, message: string): void {
    const key = pathText(path);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#problems.push({ at: this.#where(path), key, message });
  }

  #where(path: Path): string {
    for (let length = path.length; length > 0; length--) {
      const place = this.#source.values.get(pathText(path.slice(0, length)));
      if (place) return place;
    }
    return this.#source.top;
  }

  #whereKey(path: Path): string {
    return this.#source.keys.get(pathText(path)) ?? this.#where(path);
  }

  #throw(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems.sort(byPlace));
  }
}

function fieldsIn(schema: z.ZodType, path: Path): Readonly<Record<string, z.ZodType>> {
  const at = fieldAt(schema, path);
  return (at && fieldsOf(at)) ?? {};
}

const nothing = (): Record<string, unknown> => Object.create(null);

/** Problems in the order of the file, those of flags behind them. */
function byPlace(a: Problem, b: Problem): number {
  return lineOf(a) - lineOf(b);
}

function lineOf({ at }: Problem): number {
  const match = /:(\d+):(\d+)$/.exec(at);
  return match ? Number(match[1]) * 100_000 + Number(match[2]) : Number.POSITIVE_INFINITY;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
