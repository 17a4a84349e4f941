import { type FieldKind, fieldKind, z } from '../lib/schema.ts';
import type { Path } from './problems.ts';

/** A schema without its wrappers, and what these said. */
export interface Field {
  readonly inner: z.ZodType;
  readonly optional: boolean;
  /** In the form that the configuration has after reading: durations are milliseconds. */
  readonly fallback?: unknown;
  readonly description?: string;
  readonly kind?: FieldKind;
}

/** Takes `.optional()`, `.default()`, `.prefault()`, `.readonly()` and transforms off a schema. */
export function fieldOf(schema: z.ZodType): Field {
  let at = schema;
  let optional = false;
  let fallback: unknown;
  let description: string | undefined;
  let kind: FieldKind | undefined;
  for (;;) {
    description ??= at.description;
    kind ??= fieldKind(at);
    if (at instanceof z.ZodDefault || at instanceof z.ZodPrefault) {
      fallback ??= at.def.defaultValue;
      optional = true;
      at = at.def.innerType as z.ZodType;
    } else if (at instanceof z.ZodOptional || at instanceof z.ZodReadonly || at instanceof z.ZodNullable) {
      optional ||= at instanceof z.ZodOptional;
      at = at.def.innerType as z.ZodType;
    } else if (at instanceof z.ZodPipe) {
      at = at.def.in as z.ZodType;
    } else {
      return {
        inner: at,
        optional,
        ...(fallback !== undefined && { fallback }),
        ...(description !== undefined && { description }),
        ...(kind !== undefined && { kind }),
      };
    }
  }
}

/** The fields of an object schema by name; undefined if it is none. */
export function fieldsOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const { inner } = fieldOf(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined;
}

/** The schema of every item of a list, or of every value of a map of names; undefined if it is neither. */
export function itemOf(schema: z.ZodType): z.ZodType | undefined {
  const { inner } = fieldOf(schema);
  if (inner instanceof z.ZodArray) return inner.element as z.ZodType;
  if (inner instanceof z.ZodRecord) return inner.valueType as z.ZodType;
  return undefined;
}

/** The schema of the value at `path` below `schema`; undefined where the path leads nowhere. */
export function fieldAt(schema: z.ZodType | undefined, path: Path): z.ZodType | undefined {
  return path.reduce<z.ZodType | undefined>((from, part) => {
    const fields = from && fieldsOf(from);
    if (!fields) return from && itemOf(from);
    return Object.hasOwn(fields, part) ? fields[part] : undefined;
  }, schema);
}

/** What kind of value a field takes, in words for the documentation. */
export function typeWords(schema: z.ZodType): string {
  const { inner, kind } = fieldOf(schema);
  if (kind) return kind;
  if (inner instanceof z.ZodBoolean) return '`true`, `false`';
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => `\`${option}\``).join(', ');
  if (inner instanceof z.ZodLiteral) return [...inner.values].map((value) => `\`${value}\``).join(', ');
  if (inner instanceof z.ZodNumber) return range(inner);
  const item = itemOf(inner);
  if (item) return `${inner instanceof z.ZodArray ? 'list' : 'map'} of ${plural(item)}`;
  return 'text';
}

function range({ minValue, maxValue }: z.ZodNumber): string {
  const from = minValue !== null && Number.isSafeInteger(minValue) ? minValue : undefined;
  const to = maxValue !== null && Number.isSafeInteger(maxValue) && maxValue < Number.MAX_SAFE_INTEGER ? maxValue : '';
  return from === undefined || from === Number.MIN_SAFE_INTEGER ? 'number' : `number (${from}…${to})`;
}

function plural(schema: z.ZodType): string {
  const words = typeWords(schema);
  return words === 'text' ? 'texts' : words;
}

/** Text from the environment or a flag as the value that the schema asks for; text that does not fit stays text. */
export function readText(schema: z.ZodType | undefined, text: string): unknown {
  if (!schema) return text;
  const { inner, kind } = fieldOf(schema);
  if (kind === 'duration') return text === '0' ? 0 : text;
  if (inner instanceof z.ZodNumber) return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  if (inner instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}
