import { formatDuration, z } from '../lib/schema.ts';
import { HIDDEN } from '../lib/secret.ts';
import { bridgeSections, type Config, providerSchema, sections } from './schema.ts';
import { fieldOf, fieldsOf, itemOf } from './walk.ts';
import { writeYaml } from './yaml.ts';

/** The effective configuration as YAML: every key with its value, secrets hidden, durations in their short spelling. */
export function printConfig(config: Config): string {
  const printed: Record<string, unknown> = {};
  for (const name of bridgeSections) {
    printed[name] = name === 'providers' ? providers(config) : plain(sections[name], config[name]);
  }
  return writeYaml(printed);
}

function providers(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config.providers).map(([name, options]) => {
      const { type, ...rest } = options;
      const schema = providerSchema(type) ?? z.unknown();
      return [name, { type, ...(plain(schema, rest) as object) }];
    }),
  );
}

/** A value in the spelling of the file. Walked along the schema, so that a value of no known field is never printed. */
function plain(schema: z.ZodType, value: unknown): unknown {
  if (value === undefined) return undefined;
  const { kind } = fieldOf(schema);
  if (kind === 'secret') return HIDDEN;
  if (kind === 'duration') return value === 0 ? 0 : formatDuration(Number(value));
  const fields = fieldsOf(schema);
  if (fields) {
    const written = value as Record<string, unknown>;
    const entries = Object.entries(fields).map(([name, field]) => [name, plain(field, written[name])] as const);
    return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
  }
  const item = itemOf(schema);
  if (item && Array.isArray(value)) return value.map((inner) => plain(item, inner));
  if (item)
    return Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, plain(item, inner)]));
  return value;
}
