import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Message, Outcome, Provider, Receiver, Telemetry } from '../../../src/core/index.ts';
import { noTelemetry } from '../../../src/core/index.ts';
import type { ServerCertificate } from '../../../src/emulator/certificate.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import type { Facts, Log } from '../../../src/lib/log.ts';
import { createFcmProvider, fcmOptions } from '../../../src/providers/fcm/index.ts';
import { messageOf } from './messages.ts';
import { ScriptedServer } from './scripted-server.ts';
import { accountJson, certificate, TokenServer } from './token-server.ts';

const receiver: Receiver = { upstream: () => Promise.resolve(), receipt: () => Promise.resolve() };

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly facts: Facts;
}

/** A provider between a service and a token endpoint that do what the test says. */
export interface Stage {
  readonly provider: Provider;
  readonly server: ScriptedServer;
  readonly tokens: TokenServer;
  /** Events by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly lines: readonly Line[];
  /** Hands a message over now. */
  deliver(token: string, more?: Partial<Message>): Promise<Outcome>;
  /**
   * What the core does: hands it over when there is room, again and again until it has an outcome.
   * @returns the outcome, and how many attempts it took
   */
  insist(token: string, more?: Partial<Message>): Promise<{ outcome: Outcome; attempts: number }>;
  room(): Promise<void>;
}

export interface StageOptions {
  readonly answer?: ScriptedServer['answer'];
  readonly tokenAnswer?: TokenServer['answer'];
  readonly streams?: number;
  /** Of the service, instead of one that is trusted. */
  readonly certificate?: ServerCertificate;
  /** Keys of the provider, as written in a configuration. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Does not wait until there is room. */
  readonly cold?: boolean;
  /** Instead of the system's. */
  readonly clock?: Clock;
}

export async function setStage(t: ExecutionContext, given: StageOptions = {}): Promise<Stage> {
  const server = new ScriptedServer(given.answer, given.streams, given.certificate);
  const tokens = new TokenServer(given.tokenAnswer);
  await Promise.all([server.listen(), tokens.listen()]);
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-fcm-'));
  writeFileSync(join(folder, 'account.json'), accountJson({ token_uri: tokens.uri }));
  writeFileSync(join(folder, 'ca.pem'), certificate.ca);
  const counts: Record<string, number> = {};
  const lines: Line[] = [];
  const telemetry: Telemetry = {
    ...noTelemetry,
    add(name, labels) {
      const { event } = labels as { event?: string };
      if (name === 'pushbridge_provider_events_total' && event) counts[event] = (counts[event] ?? 0) + 1;
    },
  };
  const provider = createFcmProvider({
    name: 'fcm',
    options: fcmOptions.parse({
      url: server.url,
      credentials: join(folder, 'account.json'),
      ca: join(folder, 'ca.pem'),
      deadline: '5s',
      quota: { ramp_up: 0 },
      ...given.options,
    }),
    clock: given.clock ?? systemClock,
    random: () => 0,
    log: logTo(lines),
    telemetry,
  });
  t.teardown(async () => {
    await provider.stop(0);
    await Promise.all([server.close(), tokens.close()]);
    rmSync(folder, { recursive: true });
  });
  const listeners = new Set<() => void>();
  provider.onRoom(() => {
    for (const listener of listeners) listener();
  });
  const room = async () => {
    while (provider.room() <= 0) {
      await new Promise<void>((resolve) => {
        const listener = () => {
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
      });
    }
  };
  const deliver = (token: string, more: Partial<Message> = {}) =>
    provider.deliver(messageOf({ to: token, data: { a: '1' } }, more), Date.now());
  const insist = async (token: string, more: Partial<Message> = {}) => {
    for (let attempts = 1; ; attempts++) {
      await room();
      const outcome = await deliver(token, more);
      if (outcome.kind !== 'unsent' && outcome.kind !== 'later') return { outcome, attempts };
    }
  };
  await provider.start(receiver);
  if (!given.cold) await room();
  return { provider, server, tokens, counts, lines, deliver, insist, room };
}

function logTo(lines: Line[]): Log {
  const to =
    (level: string) =>
    (event: string, facts: Facts = {}) =>
      void lines.push({ level, event, facts });
  const log: Log = { error: to('error'), warn: to('warn'), info: to('info'), debug: to('debug'), child: () => log };
  return log;
}
