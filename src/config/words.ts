import type { z } from '../lib/schema.ts';

/** What is wrong with a value, in words for people. They never quote the value, which might be a secret. */
export function words(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is required'
        : `must be ${expected(issue.expected)}, not ${found(issue.input)}${hint(issue)}`;
    case 'too_small':
      return bound(issue.origin, 'at least', Number(issue.minimum));
    case 'too_big':
      return bound(issue.origin, 'at most', Number(issue.maximum));
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_union':
      return issue.input === undefined ? 'is required' : 'is of no kind that is allowed here';
    case 'invalid_format':
      return 'has the wrong form';
    default:
      return 'is not acceptable';
  }
}

function expected(type: string): string {
  switch (type) {
    case 'string':
      return 'a text';
    case 'number':
      return 'a number';
    case 'int':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'a map of keys';
    default:
      return `of type ${type}`;
  }
}

function found(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a text';
    case 'number':
      return Number.isInteger(value) ? 'a number' : 'this number';
    case 'boolean':
      return String(value);
    default:
      return 'a map of keys';
  }
}

/** YAML reads `id: 12345` as a number and `id: true` as a truth value. */
function hint({ expected: wanted, input }: { expected: string; input?: unknown }): string {
  return wanted === 'string' && typeof input !== 'object' ? ' (quotes make it a text)' : '';
}

function bound(origin: string, words: string, limit: number): string {
  if (origin === 'string')
    return words === 'at least' && limit === 1 ? 'must not be empty' : `must have ${words} ${limit} characters`;
  if (origin === 'array') return `needs ${words} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return `must be ${words} ${limit}`;
}
