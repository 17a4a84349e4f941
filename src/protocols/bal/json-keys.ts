/** How deep objects and arrays may lie in each other, in every encoding. The frame itself is level 1. */
export const MAX_DEPTH = 64;

/** Up to so many keys are compared one by one, more by a set. */
const FEW_KEYS = 12;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What `JSON.parse` hides. */
export interface KeyReport {
  /** A key that stands twice in the header. */
  header?: string;
  /** A key that stands twice in one object of `fcm_data`, at any depth. */
  data?: string;
  /** Where the text is nested deeper than {@link MAX_DEPTH}; the search ended there. */
  deep?: 'header' | 'data';
}

/**
 * Looks for keys that stand twice and for too deep nesting in a frame's JSON text, or in the text of `fcm_data` alone.
 * Text that is not JSON gives some report or other: parse it afterwards. Objects in unknown header fields are not looked
 * at, because unknown fields are ignored.
 */
export function checkKeys(text: string, what: 'frame' | 'data'): KeyReport {
  const report: KeyReport = {};
  /** The keys of each open object; undefined for an array. Levels that were left are overwritten. */
  const levels: (string[] | Set<string> | undefined)[] = [];
  const top = what === 'frame' ? 1 : 2; // fcm_data is level 2 wherever it stands
  let depth = top - 1;
  let inData = what === 'data';
  let keyNext = false;
  let backslash = -1;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        if (backslash < i) {
          backslash = text.indexOf('\\', i);
          if (backslash < 0) backslash = text.length;
        }
        let end = text.indexOf('"', i + 1);
        const escaped = backslash < end;
        if (escaped) end = endOfString(text, i + 1);
        if (end < 0) return report;
        if (keyNext) {
          const key = escaped ? unescaped(text.slice(i, end + 1)) : text.slice(i + 1, end);
          if (depth === 1) inData = key === 'fcm_data';
          if ((depth === 1 || inData) && isTwice(levels, depth, key)) {
            if (depth === 1) report.header ??= key;
            else report.data ??= key;
          }
        }
        i = end;
        break;
      }
      case COLON:
        keyNext = false;
        break;
      case COMMA:
        keyNext = levels[depth] !== undefined;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (++depth > MAX_DEPTH) {
          report.deep = inData ? 'data' : 'header';
          return report;
        }
        keyNext = text.charCodeAt(i) === OPEN_OBJECT;
        levels[depth] = keyNext ? [] : undefined;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (--depth < top) return report;
        keyNext = false;
        break;
    }
  }
  return report;
}

/** Whether the object of this level has the key already; notes it otherwise. */
function isTwice(levels: (string[] | Set<string> | undefined)[], depth: number, key: string): boolean {
  const seen = levels[depth];
  if (Array.isArray(seen)) {
    if (seen.includes(key)) return true;
    if (seen.push(key) > FEW_KEYS) levels[depth] = new Set(seen);
  } else if (seen) {
    if (seen.has(key)) return true;
    seen.add(key);
  }
  return false;
}

/** Position of the quote that ends the string whose first character stands at `from`, or -1. */
function endOfString(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === 0x5c) i++;
  }
  return -1;
}

function unescaped(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal; // not JSON: the parser will say so
  }
}
