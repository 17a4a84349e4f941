import { hash } from 'node:crypto';
import type { JsonObject } from './frames.ts';

/**
 * JSON text that is the same for the same content: keys sorted by UTF-16 code unit at every depth, no spaces. The value
 * comes from a decoder: it has no cycles and is at most 64 levels deep.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const object = value as JsonObject;
  let text = '';
  for (const key of Object.keys(object).sort()) {
    const item = object[key];
    if (item !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(item)}`;
  }
  return `{${text}}`;
}

/**
 * SHA-256 in base64 over the content of a DOWNSTREAM: tells a repeat from another message under the same id
 * [BAL §Downstream rules].
 */
export function digest(fcmData: JsonObject, groupId: string | undefined, provider: string | undefined): string {
  return hash('sha256', canonicalJson([fcmData, groupId ?? null, provider ?? null]), 'base64');
}
