import { z } from 'zod';
import { Secret } from './secret.ts';

/** The one place that imports the schema library; units describe their options with it in `options.ts`. */
export { z };

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;

/** Milliseconds of a duration such as `250ms`, `10s`, `5m`, `1h`, `1d` or `4w`; undefined if it is none, or endless. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  const ms = Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest exact spelling of a duration in milliseconds. */
export function formatDuration(ms: number): string {
  for (const unit of ['w', 'd', 'h', 'm', 's'] as const) {
    if (ms > 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** What a field holds beyond its JavaScript type: for printing, for documentation and for reading text into it. */
export type FieldKind = 'duration' | 'secret' | 'path' | 'port';

/** The kind that {@link duration}, {@link secret}, {@link path} and {@link port} gave to a field. */
export function fieldKind(schema: z.ZodType): FieldKind | undefined {
  return schema.meta()?.kind as FieldKind | undefined;
}

const kind = (is: FieldKind) => ({ kind: is });
const NOT_A_DURATION = 'must be a duration such as 250ms, 10s, 5m, 1h or 4w';

/** A duration in the configuration, read as milliseconds. `min` and `max` are milliseconds too. */
export function duration(min = 0, max = Number.MAX_SAFE_INTEGER) {
  return z
    .union([z.string(), z.literal(0)], {
      error: (issue) => (issue.input === undefined ? undefined : NOT_A_DURATION),
    })
    .transform((text, context): number => {
      const ms = text === 0 ? 0 : parseDuration(text);
      if (ms === undefined) {
        context.addIssue({ code: 'custom', message: NOT_A_DURATION });
        return z.NEVER;
      }
      if (ms < min || ms > max) {
        context.addIssue({ code: 'custom', message: outside(min, max) });
        return z.NEVER;
      }
      return ms;
    })
    .meta(kind('duration'));
}

function outside(min: number, max: number): string {
  if (max === Number.MAX_SAFE_INTEGER) return `must be at least ${formatDuration(min)}`;
  return `must be between ${formatDuration(min)} and ${formatDuration(max)}`;
}

/** A schema as JSON Schema (draft 2020-12), in the form that is read: what has a default may be absent. */
export function jsonSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io: 'input' });
  return described;
}

/** A text that is hidden wherever the configuration is printed. */
export function secret() {
  return z
    .string()
    .min(1)
    .transform((text) => new Secret(text))
    .meta(kind('secret'));
}

/** A TCP port; 0 asks the system for a free one. */
export const port = () => z.int().min(0).max(65_535).meta(kind('port'));

/** A count within bounds. */
export const count = (min: number, max: number) => z.int().min(min).max(max);

/** A path to a file, as written; it is read when its unit starts. */
export const path = () => z.string().min(1).meta(kind('path'));
