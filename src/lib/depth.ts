/**
 * Whether objects and arrays lie in each other more than `levels` deep, the outermost being the first. JSON of any depth
 * can be parsed, but who walks through the result by calling itself, as `JSON.stringify` does, runs out of stack.
 */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const item of Array.isArray(value) ? value : Object.values(value)) if (isDeeper(item, levels - 1)) return true;
  return false;
}
