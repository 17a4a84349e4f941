import { nearest } from '../lib/nearest.ts';
import { type Args, type Command, exitCodes, UsageError } from './command.ts';
import { address, writeLine, writeText } from './output.ts';
import { type Advice, advise, type Seen } from './pool/advise.ts';
import { watch } from './pool/sampling.ts';
import { countOf, durationOf, portOf } from './values.ts';

/** What can be asked of the pool. */
const VERBS = ['advise'];
/** Shorter looks tell nothing, longer ones are for dashboards. Milliseconds. */
const SAMPLE_MS = { least: 100, most: 3_600_000 };

export const pool: Command = {
  name: 'pool',
  summary: 'advise how many connections the pools of a running bridge need',
  arguments: 'advise',
  details: [
    'Watches the admin port for a while and reckons: rate × round trip messages are on their way at once, each connection holds a window of them, and a fifth of the room stays free. The median of the round trips gives min, their 95th percentile max.',
    'The figures are those of the metrics; nothing is changed. PATCH /pool applies an advice at once, providers.NAME.pool in the configuration keeps it.',
  ],
  options: {
    admin: { type: 'string', value: 'URL', help: 'the admin listener of the bridge, in place of --host and --port' },
    host: { type: 'string', value: 'HOST', help: 'where the bridge is (default: 127.0.0.1)' },
    port: { type: 'string', value: 'PORT', help: 'its admin port (default: 9464)' },
    rate: { type: 'string', value: 'NUMBER', help: 'messages a second to reckon with (default: those that come now)' },
    sample: { type: 'string', value: 'TIME', help: 'how long to watch (default: 5s)' },
    json: { type: 'boolean', help: 'print one JSON line instead of text' },
  },
  examples: [
    { line: 'pushbridge pool advise', meaning: 'is the pool of the bridge on this machine large enough for its load?' },
    {
      line: 'pushbridge pool advise --rate 5000 --json',
      meaning: 'what 5000 messages a second would need, at the round trips of now',
    },
  ],
  async run(args, io) {
    checkVerb(args);
    const admin = adminOf(args);
    const rate = countOf(args, 'rate');
    const sampleMs = durationOf(args, 'sample', 5_000);
    if (sampleMs < SAMPLE_MS.least || sampleMs > SAMPLE_MS.most) throw new UsageError('--sample must be 100ms to 1h');
    const seen = Object.entries(await watch(admin, sampleMs));
    if (args.flag('json')) {
      const providers = seen.map(([name, one]) => [name, { ...facts(one), ...advise(one, rate) }] as const);
      await writeLine(io.stdout, { sampled: sampleMs / 1_000, providers: Object.fromEntries(providers) });
    } else {
      const texts = seen.map(([name, one]) => describe(name, one, advise(one, rate)));
      await writeText(io.stdout, texts.join('\n') || 'No provider of this bridge has a pool.\n');
    }
    return exitCodes.ok;
  },
};

function checkVerb({ positionals: [verb, extra] }: Args): void {
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
  if (verb === undefined) throw new UsageError(`say what: pool ${VERBS.join(', ')}`);
  if (VERBS.includes(verb)) return;
  const meant = nearest(verb, VERBS);
  throw new UsageError(`unknown request "${verb}"; ${meant ? `did you mean ${meant}?` : `known: ${VERBS.join(', ')}`}`);
}

function adminOf(args: Args): URL {
  const text = args.text('admin');
  if (text === undefined) {
    return new URL(`http://${address(args.text('host') ?? '127.0.0.1', portOf(args.text('port') ?? '9464'))}/`);
  }
  if (args.flag('host') || args.flag('port')) throw new UsageError('give --admin or --host and --port, not both');
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new UsageError('--admin must be a URL with http or https');
  return new URL(text.endsWith('/') ? text : `${text}/`);
}

/** What stands in JSON beside the advice. */
function facts({ min, max, ...seen }: Seen) {
  const { window, open, draining, fill, outbox } = seen;
  return { now: { min, max, window, open, draining }, fill, outbox: outbox[1] };
}

function describe(name: string, seen: Seen, advice: Advice): string {
  const { rate, wanted, p50, p95, carries, min, max, why } = advice;
  const rows: [string, string][] = [
    ['connections', `${seen.open} open, ${seen.draining} draining; min ${seen.min}, max ${seen.max}`],
    ['window', `${seen.window} messages each, ${Math.round(seen.fill * 100)} % used`],
    ['round trip', p50 === undefined || p95 === undefined ? 'unknown' : `p50 ${time(p50)}, p95 ${time(p95)}`],
    ['rate', `${perSecond(rate)} now, ${perSecond(wanted)} wanted`],
    ['carries', carries === undefined ? 'unknown' : `${perSecond(carries)} with the open connections`],
    ['advice', min === undefined || max === undefined ? 'none' : `min ${min}, max ${max}`],
  ];
  return [`provider ${name}`, ...rows.map(([key, value]) => `  ${key.padEnd(13)}${value}`), `  ${why}`, ''].join('\n');
}

const time = (seconds: number): string =>
  seconds < 1 ? `${Number((seconds * 1_000).toPrecision(2))} ms` : `${Number(seconds.toPrecision(2))} s`;
const perSecond = (rate: number): string => `${rate < 10 ? Number(rate.toPrecision(2)) : Math.round(rate)}/s`;
