import { hash } from 'node:crypto';
import { canonicalJson } from '../../lib/canonical-json.ts';
import type { JsonObject } from './frames.ts';

/**
 * SHA-256 in base64 over the content of a DOWNSTREAM: tells a repeat from another message under the same id
 * [BAL §Downstream rules].
 */
export function digest(fcmData: JsonObject, groupId: string | undefined, provider: string | undefined): string {
  return hash('sha256', canonicalJson([fcmData, groupId ?? null, provider ?? null]), 'base64');
}
