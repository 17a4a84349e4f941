import { closeSync, openSync, readFileSync } from 'node:fs';
import { readTokenKeys } from '../doors/app/index.ts';
import { readAuthority, readListenerCertificate } from '../lib/certificates.ts';
import { reason } from '../lib/log.ts';
import { problemsIn } from '../lib/option-problem.ts';
import type { z } from '../lib/schema.ts';
import type { Path } from './problems.ts';
import type { Report } from './rules.ts';
import {
  bridgeSections,
  type Config,
  type ProviderConfig,
  type ProviderProblem,
  providerChecks,
  providerSchema,
  sections,
} from './schema.ts';
import { fieldOf, fieldsOf, itemOf } from './walk.ts';

/** Reports every file that the configuration names and that can not be opened for reading, or holds something unfit. */
export function checkFiles(config: Partial<Config>, report: Report): void {
  for (const { path, file } of filesOf(config)) {
    try {
      closeSync(openSync(file, 'r'));
    } catch (error) {
      report(path, `can not be read: ${reason(error)}`);
    }
  }
  for (const [name, options] of Object.entries(config.providers ?? {})) {
    for (const { path, message } of contentProblems(options)) report(['providers', name, ...path], message);
  }
  tokenKeys(config, report);
  certificates(config, report);
}

/** The certificate of every listener, whether its key is that of it, and whom it trusts. */
function certificates({ bal, doors, http }: Partial<Config>, report: Report): void {
  const listeners = [
    [['bal', 'tls'], bal?.tls],
    [['doors', 'ccs', 'tls'], doors?.ccs?.tls],
    [['http', 'tls'], http?.tls],
  ] as const;
  for (const [section, tls] of listeners) {
    if (!tls) continue;
    const authority = 'client_ca' in tls ? tls.client_ca : undefined;
    const problems = problemsIn(
      () => readListenerCertificate(tls),
      () => authority !== undefined && readAuthority('client_ca', authority),
    );
    for (const { path, message } of problems) report([...section, ...path], message);
  }
}

function tokenKeys({ doors }: Partial<Config>, report: Report): void {
  for (const [index, { token }] of (doors?.app?.applications ?? []).entries()) {
    if (!token) continue;
    try {
      readTokenKeys(readFileSync(token.key, 'utf8'), token.algorithms);
    } catch (error) {
      report(['doors', 'app', 'applications', index, 'token', 'key'], reason(error));
    }
  }
}

function contentProblems<T extends ProviderConfig['type']>(
  options: Extract<ProviderConfig, { type: T }>,
): Iterable<ProviderProblem> {
  return providerChecks[options.type as T]?.(options) ?? [];
}

/** The files that a configuration names. */
export function filesOf(config: Partial<Config>): { path: Path; file: string }[] {
  const found: { path: Path; file: string }[] = [];
  for (const name of bridgeSections) {
    if (name !== 'providers') collect(sections[name], config[name], [name], found);
  }
  for (const [name, options] of Object.entries(config.providers ?? {})) {
    const schema = providerSchema(options.type);
    if (schema) collect(schema, options, ['providers', name], found);
  }
  return found;
}

function collect(schema: z.ZodType, value: unknown, path: Path, found: { path: Path; file: string }[]): void {
  if (value === undefined) return;
  if (fieldOf(schema).kind === 'path') found.push({ path, file: String(value) });
  const fields = fieldsOf(schema);
  for (const [name, field] of Object.entries(fields ?? {})) {
    collect(field, (value as Record<string, unknown>)[name], [...path, name], found);
  }
  const item = itemOf(schema);
  if (!item || typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    collect(item, inner, [...path, Array.isArray(value) ? Number(name) : name], found);
  }
}
