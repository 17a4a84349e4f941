import { systemClock } from '../lib/clock.ts';
import { type Command, exitCodes, type Io, UsageError } from './command.ts';
import { BACKENDS, SECRET, sessionOf } from './demo/plan.ts';
import { type ServiceName, serviceNames } from './demo/services/service.ts';
import type { Stage } from './demo/stage.ts';
import { writeText } from './output.ts';
import { firstSignal } from './signals.ts';

/** Bounds of `--messages`. */
const FEWEST = 20;
const MOST = 1_000_000;
const MESSAGES = 2_000;
/** Bounds of `--messages` where each message is a request of its own. */
const MOST_PUSHES = 100_000;
const PUSHES = 200;

export const demo: Command = {
  name: 'demo',
  summary: 'show the whole bridge at work against the emulator, and check the sums',
  details: [
    'Starts an emulator and a bridge on free ports, with a SQLite file in a temporary folder. Two backends send messages with groups, bad tokens, receipts and upstream traffic while one connection drains and another is dropped. Exits with 0 only if every message has exactly one outcome, the expected one.',
    'With --unifiedpush an application server pushes encrypted messages to endpoints of a backend and, where Prosody is installed, of a client of it, while these come and go.',
  ],
  options: {
    messages: {
      type: 'string',
      short: 'n',
      value: 'N',
      help: `messages to send (default: ${MESSAGES}; ${PUSHES} pushes)`,
    },
    provider: { type: 'string', value: 'NAME', help: `${serviceNames.join(', ')} (default: ccs)` },
    unifiedpush: { type: 'boolean', help: 'show Web Push and UnifiedPush instead' },
    stay: { type: 'boolean', help: 'leave everything running and print commands to play with' },
  },
  examples: [
    { line: 'pushbridge demo', meaning: 'a few seconds of everything' },
    { line: 'pushbridge demo --unifiedpush', meaning: 'endpoints over HTTPS, BAL and XMPP' },
    { line: 'pushbridge demo --stay', meaning: 'look around afterwards' },
  ],
  async run(args, io) {
    if (args.flag('unifiedpush')) {
      if (args.text('provider') !== undefined) throw new UsageError('--provider does not go with --unifiedpush');
      const pushes = countOf(args.text('messages'), PUSHES, MOST_PUSHES);
      const { showUnifiedPush } = await import('./demo/unifiedpush/show.ts');
      return showUnifiedPush(pushes, args.flag('stay'), io, systemClock);
    }
    const count = countOf(args.text('messages'), MESSAGES, MOST);
    const provider = serviceOf(args.text('provider') ?? 'ccs');
    const signal = firstSignal(io);
    // The whole bridge is behind these: other commands do not pay for loading it.
    const [{ setStage }, { runShow }, { report }] = await Promise.all([
      import('./demo/stage.ts'),
      import('./demo/show.ts'),
      import('./demo/report.ts'),
    ]);
    const stage = await setStage(provider);
    try {
      const say = (text: string) => writeText(io.stdout, `${text}\n`);
      await say(
        `${stage.service.title} on port ${stage.service.port}, bridge on port ${stage.app.balPort}, store in ${stage.folder}`,
      );
      const screen = new Screen(io, count);
      const result = await runShow(stage, count, systemClock, (settled, event) => screen.progress(settled, event));
      screen.done(result.tally.settled);
      const { text, wrongs } = report(count, result, stage.service.books());
      await say(`\n${text}\n`);
      for (const wrong of wrongs.slice(0, 20)) await say(`wrong: ${wrong}`);
      await say(wrongs.length === 0 ? 'every message has exactly one outcome, and the sums are right' : 'FAILED');
      if (args.flag('stay')) {
        await say(`\n${commands(stage)}\n\nCtrl-C ends it.`);
        await signal.came;
      }
      return wrongs.length === 0 ? exitCodes.ok : exitCodes.failed;
    } finally {
      await stage.stop();
      signal.forget();
    }
  },
};

function serviceOf(text: string): ServiceName {
  const found = serviceNames.find((name) => name === text);
  if (!found) throw new UsageError(`--provider must be one of: ${serviceNames.join(', ')}`);
  return found;
}

function countOf(text: string | undefined, usual: number, most: number): number {
  const count = Number(text ?? usual);
  if (!Number.isInteger(count) || count < FEWEST || count > most) {
    throw new UsageError(`--messages must be a whole number from ${FEWEST} to ${most}`);
  }
  return count;
}

/** Progress: one line that changes on a terminal, a line now and then elsewhere. */
class Screen {
  readonly #io: Io;
  readonly #count: number;
  readonly #live: boolean;
  #shown = -1;

  constructor(io: Io, count: number) {
    this.#io = io;
    this.#count = count;
    this.#live = 'isTTY' in io.stdout && io.stdout.isTTY === true;
  }

  progress(settled: number, event?: string): void {
    if (event !== undefined)
      this.#io.stdout.write(`${this.#live ? '\r\x1b[K' : ''}  at ${this.#line(settled)}: ${event}\n`);
    const tenth = Math.floor((settled / this.#count) * 10);
    if (this.#live) this.#io.stdout.write(`\r\x1b[K  ${bar(settled / this.#count)} ${this.#line(settled)}`);
    else if (tenth > this.#shown) this.#io.stdout.write(`  ${this.#line(settled)}\n`);
    this.#shown = Math.max(tenth, this.#shown);
  }

  done(settled: number): void {
    this.progress(settled);
    if (this.#live) this.#io.stdout.write('\n');
  }

  #line(settled: number): string {
    return `${settled} of ${this.#count} settled`;
  }
}

function bar(share: number): string {
  const width = 30;
  const full = Math.round(share * width);
  return `[${'='.repeat(full)}${' '.repeat(width - full)}]`;
}

function commands({ app, service }: Stage): string {
  const [first] = BACKENDS;
  const login = `--port ${app.balPort} --session ${sessionOf(first)} --secret ${SECRET}`;
  const control = `http://127.0.0.1:${service.controlPort}`;
  const admin = `http://127.0.0.1:${app.adminPort}`;
  const post = (path: string, body: string) =>
    `curl -X POST -H 'content-type: application/json' -d '${body}' ${control}${path}`;
  return [
    'Play with it from another terminal:',
    `  scripts/pushbridge listen ${login}`,
    `  scripts/pushbridge send ${login} --to device-1 --data text=hello`,
    `  scripts/pushbridge send ${login} --to DEVICE_UNREGISTERED --data text=hello`,
    `  ${post('/upstream', `{"count":3,"category":"${sessionOf(first)}"}`)}`,
    `  ${post('/drain', '{"connection":"all"}')}`,
    `  curl ${admin}/readyz; curl ${admin}/pool; curl ${admin}/metrics`,
    `  curl ${control}/stats`,
  ].join('\n');
}
