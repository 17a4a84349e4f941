import type { Violation } from './replies.ts';

/** What a field holds; `undefined` where it fits, else what was expected, in the words of protocol buffers. */
type Check = (value: unknown, path: string) => Violation | undefined;

/** The fields of a message of protocol buffers, by both their names. */
export type Fields = ReadonlyMap<string, { readonly name: string; readonly check: Check }>;

/** Fields by their names in snake_case; lowerCamelCase names the same ones. */
export function fields(checks: Readonly<Record<string, Check>>): Fields {
  const all = new Map<string, { name: string; check: Check }>();
  for (const [name, check] of Object.entries(checks)) {
    all.set(name, { name, check });
    all.set(
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      { name, check },
    );
  }
  return all;
}

/** The first thing in `value` that does not fit. A field that is null is one that is absent. */
export function misfit(of: Fields, value: unknown, path: string): Violation | undefined {
  if (!isObject(value)) return wrong(path, 'an object', value);
  for (const key in value) {
    const field = of.get(key);
    if (!field) {
      const where = path === '' ? '' : ` at '${path}'`;
      return {
        field: path,
        description: `Invalid JSON payload received. Unknown name "${key.slice(0, 100)}"${where}: Cannot find field.`,
      };
    }
    const inner = value[key];
    if (inner === null) continue;
    const found = field.check(inner, path === '' ? field.name : `${path}.${field.name}`);
    if (found) return found;
  }
  return undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(field: string, type: string, value: unknown): Violation {
  // An object may be nested deeper than can be printed.
  const shown = typeof value === 'object' ? 'an object' : JSON.stringify(value).slice(0, 100);
  return { field, description: `Invalid value at '${field}' (${type}), ${shown}` };
}

const check =
  (type: string, fits: (value: unknown) => boolean): Check =>
  (value, path) =>
    fits(value) ? undefined : wrong(path, type, value);

const matches = (form: RegExp) => (value: unknown) => typeof value === 'string' && form.test(value);

export const text = check('TYPE_STRING', (value) => typeof value === 'string');
export const flag = check('TYPE_BOOL', (value) => typeof value === 'boolean');
export const int = check('TYPE_INT32', (value) => Number.isInteger(value) || matches(/^-?\d{1,10}$/)(value));
export const float = check('TYPE_FLOAT', (value) => typeof value === 'number');
/** Seconds with up to nine digits of a fraction: `3.5s`. */
export const seconds = check('type.googleapis.com/google.protobuf.Duration', matches(/^\d{1,12}(?:\.\d{1,9})?s$/));
export const moment = check(
  'type.googleapis.com/google.protobuf.Timestamp',
  (value) => matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/)(value) && !Number.isNaN(Date.parse(String(value))),
);
/** Any object. */
export const struct = check('type.googleapis.com/google.protobuf.Struct', isObject);
/** One of these names, in any case: the Admin SDK for Node writes `high`. */
export const oneOf = (type: string, ...names: readonly string[]): Check =>
  check(`type.googleapis.com/google.firebase.fcm.v1.${type}`, (value) =>
    typeof value === 'string' ? names.includes(value.toUpperCase()) : Number.isInteger(value),
  );

export const list =
  (item: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return wrong(path, 'a list', value);
    for (const [index, each] of value.entries()) {
      const found = item(each, `${path}[${index}]`);
      if (found) return found;
    }
    return undefined;
  };

/** Names and texts; anything but a text is refused, numbers too. */
export const texts: Check = (value, path) => {
  if (!isObject(value)) return wrong(path, 'a map', value);
  let index = 0;
  for (const key in value) {
    if (typeof value[key] !== 'string') return wrong(`${path}[${index}].value`, 'TYPE_STRING', value[key]);
    index++;
  }
  return undefined;
};

export const nested =
  (of: Fields): Check =>
  (value, path) =>
    misfit(of, value, path);
