import { BalClient } from '../../client/index.ts';
import { type Clock, every } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { BACKENDS, type Planned, planMessages, SECRET, sessionOf } from './plan.ts';
import type { Event } from './services/service.ts';
import type { Stage } from './stage.ts';
import { Tally } from './tally.ts';

/** A message without an outcome after so long is lost, in milliseconds. */
const PATIENCE_MS = 40_000;
/** How often progress is shown, in milliseconds. */
const PROGRESS_MS = 200;

/** Upstream messages of each burst. */
const BURST = 100;

/** The plot: what devices say, and what goes wrong with the service. */
function plot({ service, devices }: Stage): Event[] {
  const [shop, chat] = BACKENDS;
  const speaks = (at: number, backend: string): Event => ({
    at,
    what: `${BURST} upstream messages to ${backend}`,
    run: () => devices.speak(backend, BURST),
  });
  return [speaks(0.1, shop), speaks(0.5, chat), ...service.events].sort((a, b) => a.at - b.at);
}

export interface ShowResult {
  readonly tally: Tally;
  readonly seconds: number;
  /** What there should be of each. */
  readonly expected: { readonly receipts: number; readonly upstream: number };
}

/** Runs the plot: both backends send, things go wrong on the way, everything is counted. */
export async function runShow(
  stage: Stage,
  count: number,
  clock: Clock,
  onProgress: (settled: number, event?: string) => void,
): Promise<ShowResult> {
  const tally = new Tally();
  const clients = BACKENDS.map((backend, n) => {
    const encoding = n === 0 ? 'json' : 'protobuf';
    const session = sessionOf(backend);
    return new BalClient({
      host: '127.0.0.1',
      port: stage.app.balPort,
      session,
      secret: SECRET,
      encoding,
      window: 500,
    });
  });
  const plans = BACKENDS.map((backend, n) => planMessages(backend, Math.floor(count / 2) + (n < count % 2 ? 1 : 0)));
  const expected = {
    receipts: plans.flat().filter(({ kind }) => kind === 'receipt').length,
    upstream: BACKENDS.length * BURST,
  };
  const coming = plot(stage);
  const progress = () => {
    const due = coming[0] && tally.settled >= coming[0].at * count ? coming.shift() : undefined;
    due?.run();
    onProgress(tally.settled, due?.what);
  };
  const ticker = every(
    clock,
    PROGRESS_MS,
    () => onProgress(tally.settled),
    () => {},
  );
  try {
    await Promise.all(clients.map((client) => client.connect()));
    for (const client of clients) listen(client, tally);
    const started = clock.monotonic();
    const all = clients.map((client, n) => sendAll(client, plans[n] ?? [], tally, clock, progress));
    await deadline(clock, Promise.all(all), PATIENCE_MS, 'waiting for outcomes');
    const seconds = (clock.monotonic() - started) / 1000;
    while (coming.length > 0) coming.shift()?.run();
    await restCame(tally, expected, clock);
    await Promise.all(clients.map((client) => client.logoff()));
    return { tally, seconds, expected };
  } finally {
    ticker.cancel();
    for (const client of clients) client.close();
  }
}

async function sendAll(
  client: BalClient,
  plan: readonly Planned[],
  tally: Tally,
  clock: Clock,
  onOutcome: () => void,
): Promise<void> {
  const outcomes: Promise<void>[] = [];
  for (const [index, planned] of plan.entries()) {
    const began = clock.monotonic();
    const { outcome } = await client.send(planned.message);
    tally.sent++;
    outcomes.push(
      outcome.then((result) => {
        tally.outcome(planned, index, result, clock.monotonic() - began);
        onOutcome();
      }),
    );
  }
  await Promise.all(outcomes);
}

/** Books upstream traffic until the client closes. */
function listen(client: BalClient, tally: Tally): void {
  void (async () => {
    for await (const message of client.upstream()) {
      tally.arrived('upstream', message.messageId);
      message.ack();
    }
  })();
  void (async () => {
    for await (const receipt of client.receipts()) {
      tally.arrived('receipts', receipt.messageId);
      receipt.ack();
    }
  })();
  void (async () => {
    for await (const answer of client.answers()) {
      tally.wrongs.push(`${answer.messageId}: a second outcome`);
      answer.ack();
    }
  })();
}

/** Receipts and upstream messages trail behind the outcomes. */
async function restCame(tally: Tally, expected: ShowResult['expected'], clock: Clock): Promise<void> {
  const come = new Promise<void>((resolve) => {
    const look = every(
      clock,
      20,
      () => {
        if (tally.receipts.size < expected.receipts || tally.upstream.size < expected.upstream) return;
        look.cancel();
        resolve();
      },
      () => {},
    );
  });
  await deadline(clock, come, PATIENCE_MS, 'waiting for receipts and upstream messages').catch(() => {});
}
