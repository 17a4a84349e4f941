import { closeSync, openSync, readSync } from 'node:fs';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, stringify, type YAMLMap } from 'yaml';
import { type Path, type Problem, pathText } from './problems.ts';
import { expand } from './references.ts';

/** Largest configuration file, in bytes. */
export const MAX_FILE_BYTES = 1_048_576;
/** Values in one file, those that aliases repeat included: what a chain of aliases may grow to. */
export const MAX_VALUES = 50_000;
/** How deep values may be nested. */
export const MAX_DEPTH = 32;

/** Problems of syntax that are told: one wrong quote makes many. */
const MAX_SYNTAX_PROBLEMS = 5;

/** Words for the problems whose own message would quote the file, and with it perhaps a secret. */
const QUOTING: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias that can not be used',
  BAD_DIRECTIVE: 'a directive that is not known',
  BAD_DQ_ESCAPE: 'an escape sequence that is not known',
  IMPOSSIBLE: 'it can not be understood',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAG_RESOLVE_FAILED: 'a tag that is not known',
  UNEXPECTED_TOKEN: 'something that does not belong here',
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration as it was written: plain values, and where each of them stands. */
export interface Source {
  value: unknown;
  /** `FILE:LINE:COLUMN` of keys and of values, by {@link pathText}. */
  readonly keys: Map<string, string>;
  readonly values: Map<string, string>;
  /** Values that came as text from the environment or a flag: the schema decides what they mean. */
  readonly texts: { readonly path: Path; readonly at: string }[];
  problems: Problem[];
  /** Where problems of the whole stand. */
  readonly top: string;
}

/** The bytes of a file, at most {@link MAX_FILE_BYTES} and one; errors of the system are thrown. */
export function readBounded(file: string): Buffer {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let size = 0;
    for (let read = 1; read > 0 && size < bytes.length; size += read) {
      read = readSync(fd, bytes, size, bytes.length - size, null);
    }
    return bytes.subarray(0, size);
  } finally {
    closeSync(fd);
  }
}

/** A source without a file: every key has its default. */
export function emptySource(name: string): Source {
  return {
    value: Object.create(null),
    keys: new Map(),
    values: new Map(),
    texts: [],
    problems: [],
    top: `${name}:1:1`,
  };
}

/**
 * Reads YAML 1.2 with `${NAME}` references. Nothing is thrown for what a file may contain: `problems` says what is wrong
 * with it. Objects have no prototype, so that a key such as `__proto__` is an unknown key like any other.
 * @param name what stands for the file in problems
 */
export function readYaml(bytes: Uint8Array, name: string, env: Environment): Source {
  const source = emptySource(name);
  const refuse = (message: string): Source => {
    source.problems.push({ at: source.top, key: '', message });
    return source;
  };
  if (bytes.length > MAX_FILE_BYTES) return refuse(`is larger than ${MAX_FILE_BYTES} bytes`);
  const text = decode(bytes);
  if (text === undefined) return refuse('is not valid UTF-8');
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  parse(text, source, at, env, [], lines);
  return source;
}

/** Reads the YAML text of one value, such as a flag gave it, into a source; it stands at `at` altogether. */
export function readYamlValue(text: string, path: Path, at: string, source: Source, env: Environment): unknown {
  return parse(text, source, () => at, env, path);
}

function parse(
  text: string,
  source: Source,
  at: (offset: number) => string,
  env: Environment,
  path: Path,
  lineCounter?: LineCounter,
): unknown {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, ...(lineCounter && { lineCounter }) });
  for (const { code, message, pos } of [...document.errors, ...document.warnings].slice(0, MAX_SYNTAX_PROBLEMS)) {
    const words = QUOTING[code] ?? message;
    source.problems.push({ at: at(pos[0]), key: pathText(path), message: `is not valid YAML: ${words}` });
  }
  if (document.errors.length + document.warnings.length > 0) return undefined;
  const walker = new Walker(source, at, env, (node) => (isAlias(node) ? node.resolve(document) : node));
  return path.length === 0 ? walker.root(document.contents) : walker.item(document.contents, path, at(0));
}

/** YAML text of plain values. */
export function writeYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, version: '1.2' });
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Turns nodes into plain values and notes where they stand. */
class Walker {
  readonly #source: Source;
  readonly #at: (offset: number) => string;
  readonly #env: Environment;
  readonly #resolve: (node: unknown) => unknown;
  #left = MAX_VALUES;

  constructor(source: Source, at: (offset: number) => string, env: Environment, resolve: (node: unknown) => unknown) {
    this.#source = source;
    this.#at = at;
    this.#env = env;
    this.#resolve = resolve;
  }

  root(node: unknown): void {
    if (node === null) return;
    if (isMap(node)) this.#source.value = this.#map(node, []);
    else this.#wrong([], this.#source.top, 'must be a map of keys');
  }

  #value(written: unknown, path: Path, keyAt: string): unknown {
    const node = this.#resolve(written);
    const at = isScalar(written) && written.range ? this.#at(written.range[0]) : keyAt;
    this.#source.values.set(pathText(path), at);
    if (--this.#left < 0) {
      if (this.#left === -1) this.#wrong(path, at, `is one value too many: a file holds at most ${MAX_VALUES}`);
      return undefined;
    }
    if (path.length > MAX_DEPTH) return this.#wrong(path, at, `is nested deeper than ${MAX_DEPTH} levels`);
    if (isMap(node)) return this.#map(node, path);
    if (isScalar(node)) return this.#scalar(node.value, path, at);
    if (isSeq(node)) return node.items.map((item, index) => this.item(item, [...path, index], keyAt));
    return this.#wrong(path, at, 'is an alias without its anchor');
  }

  /** An item has no key: it stands where it begins. */
  item(item: unknown, path: Path, listAt: string): unknown {
    const range = isNode(item) ? item.range : undefined;
    return this.#value(item, path, range ? this.#at(range[0]) : listAt);
  }

  #map(map: YAMLMap, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = Object.create(null);
    for (const pair of map.items) {
      const key = this.#resolve(pair.key);
      const keyAt = isScalar(key) && key.range ? this.#at(key.range[0]) : this.#source.top;
      if (!isScalar(key) || key.value === null || typeof key.value === 'object') {
        this.#wrong(path, keyAt, 'has a key that is no text');
        continue;
      }
      const inner = [...path, String(key.value)];
      if (String(key.value) in result) {
        this.#wrong(inner, keyAt, 'stands there twice');
        continue;
      }
      this.#source.keys.set(pathText(inner), keyAt);
      result[String(key.value)] = this.#value(pair.value, inner, keyAt);
    }
    return result;
  }

  #scalar(value: unknown, path: Path, at: string): unknown {
    // An empty secret must not silently open a session, so an empty value is never taken for an absent key.
    if (value === null) return this.#wrong(path, at, 'has no value; give it one or remove the key');
    if (typeof value !== 'string') return value;
    const { text, referred, wrong } = expand(value, this.#env);
    for (const message of wrong) this.#wrong(path, at, message);
    if (wrong.length > 0) return undefined;
    if (referred) this.#source.texts.push({ path, at });
    return text;
  }

  #wrong(path: Path, at: string, message: string): undefined {
    this.#source.problems.push({ at, key: pathText(path), message });
  }
}
