import type { JsonObject } from '../../protocols/fcm/index.ts';

/** `over` on top of `base`: objects are merged key by key, anything else of `over` replaces what is there. */
export function merged(base: JsonObject, over: JsonObject | undefined): JsonObject {
  if (over === undefined) return base;
  const fields = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const below = fields.get(key);
    fields.set(key, isObject(below) && isObject(value) ? merged(below, value) : value);
  }
  return Object.fromEntries(fields); // also with a key called __proto__, which an assignment would lose
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
