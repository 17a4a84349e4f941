import { formatDuration, z } from '../lib/schema.ts';
import { bridgeSections, type ProviderType, providerSchema, providerTypes, sections } from './schema.ts';
import { fieldOf, fieldsOf, itemOf, typeWords } from './walk.ts';

/** One key of the configuration, for the documentation. */
export interface KeyRow {
  /** `sessions[].id`, `providers.<ccs>.host`. */
  readonly key: string;
  readonly type: string;
  /** As it is written in the file; `required`, or empty for a key that may be absent. */
  readonly default: string;
  readonly meaning: string;
}

const REQUIRED = 'required';

/** Every key of the bridge's configuration, in the order of the schema, from the schema itself. */
export function describeConfig(): KeyRow[] {
  return bridgeSections.flatMap((name) => (name === 'providers' ? providerRows() : rows(sections[name], name)));
}

/** {@link describeConfig} as a Markdown table. */
export const configTable = (): string => keyTable(describeConfig());

/** The keys of the section `emulator`, as a Markdown table. */
export const emulatorTable = (): string => keyTable(rows(sections.emulator, 'emulator'));

/** The keys of the section `distributor`, as a Markdown table. */
export const distributorTable = (): string => keyTable(rows(sections.distributor, 'distributor'));

function keyTable(keys: readonly KeyRow[]): string {
  return table(
    ['key', 'type', 'default', 'meaning'],
    keys.map((row) => [`\`${row.key}\``, row.type, defaultCell(row.default), row.meaning]),
  );
}

const defaultCell = (text: string): string => (text === '' || text === REQUIRED ? text : `\`${text}\``);

/** A Markdown table; pipes inside cells are escaped. */
export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}

/** `<ccs>` stands for the name of a provider of that type. */
function providerRows(): KeyRow[] {
  const types = Object.keys(providerTypes) as ProviderType[];
  const first: KeyRow = {
    key: 'providers.<name>.type',
    type: types.map((type) => `\`${type}\``).join(', '),
    default: 'the name',
    meaning: 'what kind of provider this is',
  };
  const more = types.flatMap((type) => {
    const { type: _, ...shape } = providerSchema(type)?.shape ?? {};
    return rows(z.strictObject(shape), `providers.<${type}>`);
  });
  return [first, ...more];
}

function rows(schema: z.ZodType, key: string): KeyRow[] {
  const fields = fieldsOf(schema);
  if (fields) return Object.entries(fields).flatMap(([name, field]) => rows(field, `${key}.${name}`));
  const item = itemOf(schema);
  if (item && fieldsOf(item)) return rows(item, `${key}[]`);
  const field = fieldOf(schema);
  return [{ key, type: typeWords(schema), default: written(field), meaning: field.description ?? '' }];
}

function written({ fallback, kind, optional }: ReturnType<typeof fieldOf>): string {
  if (fallback === undefined) return optional ? '' : REQUIRED;
  if (kind === 'duration') return fallback === 0 ? '0' : formatDuration(Number(fallback));
  return typeof fallback === 'object' ? JSON.stringify(fallback) : String(fallback);
}
