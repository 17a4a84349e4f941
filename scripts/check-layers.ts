/**
 * The layer rule of CONTRIBUTING.md: a file imports its own unit or a lower rank, `protocols` and `core` do not see each
 * other, another unit only through one of its faces, no cycles (types included), one importer per vendor library.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Problem {
  file: string;
  line: number;
  message: string;
}

interface Unit {
  /** The folder whose files may import each other freely. */
  name: string;
  rank: number;
}

/** What a unit of this path prefix ranks; the first match wins. `depth` is how many path parts name the unit. */
const RANKS: readonly { prefix: string; rank: number; depth: number }[] = [
  { prefix: 'lib/', rank: 0, depth: 1 },
  { prefix: 'protocols/', rank: 1, depth: 1 },
  { prefix: 'core/', rank: 1, depth: 1 },
  { prefix: 'storage/', rank: 2, depth: 2 },
  { prefix: 'doors/', rank: 2, depth: 2 },
  { prefix: 'providers/', rank: 2, depth: 2 },
  { prefix: 'admin/', rank: 2, depth: 1 },
  { prefix: 'client/', rank: 2, depth: 1 },
  { prefix: 'emulator/', rank: 2, depth: 1 },
  { prefix: 'distributor/', rank: 2, depth: 1 },
  { prefix: 'config/', rank: 3, depth: 1 },
  { prefix: 'app.ts', rank: 4, depth: 1 },
  { prefix: 'cli/', rank: 5, depth: 1 },
  { prefix: 'main.ts', rank: 5, depth: 1 },
];

/** Units that see nothing above these prefixes, whatever their rank allows. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  client: ['lib', 'protocols/bal'],
  emulator: ['lib', 'protocols'],
  distributor: ['lib', 'protocols'],
};

/** Vendor libraries with more than one purpose: each file listed is the one importer for its purpose. */
const SHARED_VENDORS: Readonly<Record<string, readonly string[]>> = {
  '@xmpp/client': ['cli/demo/unifiedpush/device.ts', 'protocols/xmpp/client-login.ts'],
  'generic-pool': ['providers/ccs/pool.ts', 'client/pool.ts'],
  jose: ['doors/app/tokens.ts', 'protocols/webpush/vapid.ts'],
};

/** What other units may import of one: all of it, what is configured, or the seam alone. */
const FACES = ['/index.ts', '/options.ts', '/ports.ts'];

/** Inside the unit `protocols`: who may use whom. */
const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  ccs: ['xmpp', 'http'],
  webpush: ['xmpp', 'http'],
  unifiedpush: ['xmpp', 'webpush'],
};

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(?:type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

function unitOf(file: string): Unit | undefined {
  const rule = RANKS.find((r) => file === r.prefix || file.startsWith(r.prefix));
  if (!rule) return undefined;
  return { name: file.split('/').slice(0, rule.depth).join('/'), rank: rule.rank };
}

function importsOf(source: string): { to: string; line: number }[] {
  return [...source.matchAll(IMPORT)].map((match) => ({
    to: match[1] ?? match[2] ?? '',
    line: source.slice(0, match.index + match[0].indexOf(match[1] ?? match[2] ?? '')).split('\n').length,
  }));
}

/** Why `from` must not import `to`, or undefined if it may. */
function forbidden(from: string, to: string): string | undefined {
  const a = unitOf(from);
  const b = unitOf(to);
  if (!a) return `${from} lies in no known folder`;
  if (!b) return `${to} lies in no known folder`;
  if (a.name === b.name) {
    const [, fromPart, toPart] = [0, from.split('/')[1], to.split('/')[1]];
    if (a.name === 'protocols' && fromPart !== toPart) {
      if (!PROTOCOLS[fromPart ?? '']?.includes(toPart ?? ''))
        return `protocols/${fromPart} must not see protocols/${toPart}`;
    }
    if (to === `${dirname(from)}/index.ts`) return 'a file must not import the index of its own folder';
    return undefined;
  }
  if (b.rank >= a.rank && !(a.name === 'main.ts' && b.name === 'cli')) return `${a.name} must not see ${b.name}`;
  const only = ONLY[a.name];
  if (only && !only.some((path) => to.startsWith(`${path}/`))) {
    return `${a.name} sees only ${only.join(' and ')}, not ${to}`;
  }
  const face = b.rank === 0 || !to.includes('/') || FACES.some((name) => to.endsWith(name));
  if (!face) return `${b.name} is to be imported through its index.ts`;
  return undefined;
}

/** All breaches of the rule below `root`, a folder laid out like `src`. */
export function checkLayers(root: string): Problem[] {
  const files = globSync('**/*.ts', { cwd: root })
    .filter((f) => !f.endsWith('.d.ts'))
    .sort();
  const problems: Problem[] = [];
  const graph = new Map<string, string[]>();
  const vendors = new Map<string, Set<string>>();
  for (const file of files) {
    const edges: string[] = [];
    for (const { to, line } of importsOf(readFileSync(join(root, file), 'utf8'))) {
      if (to.startsWith('node:')) continue;
      if (!to.startsWith('.')) {
        const name = to
          .split('/')
          .slice(0, to.startsWith('@') ? 2 : 1)
          .join('/');
        vendors.set(name, (vendors.get(name) ?? new Set()).add(file));
        continue;
      }
      const target = normalize(join(dirname(file), to));
      if (!existsSync(join(root, target))) problems.push({ file, line, message: `${to} does not exist` });
      else edges.push(target);
      const why = forbidden(file, target);
      if (why) problems.push({ file, line, message: why });
    }
    graph.set(file, edges);
  }
  for (const [name, importers] of vendors) {
    const allowed = SHARED_VENDORS[name];
    const extra = allowed ? [...importers].filter((f) => !allowed.includes(f)) : [...importers].slice(1);
    for (const file of extra) {
      const first = allowed?.join(', ') ?? [...importers][0];
      problems.push({ file, line: 1, message: `${name} already has its importer: ${first}` });
    }
  }
  const cycle = findCycle(graph);
  if (cycle) problems.push({ file: cycle[0] ?? '', line: 1, message: `import cycle: ${cycle.join(' → ')}` });
  return problems;
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string[] | undefined => {
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = visit(node);
    if (found) return found;
  }
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('../src', import.meta.url));
  const problems = checkLayers(root);
  for (const { file, line, message } of problems) {
    process.stderr.write(`${relative(process.cwd(), join(root, file))}:${line}: ${message}\n`);
  }
  process.stdout.write(problems.length ? `layers: ${problems.length} problems\n` : 'layers: in order\n');
  process.exitCode = problems.length ? 1 : 0;
}
