import { constants } from 'node:http2';
import type { Exchange } from './exchange.ts';
import { interference, tooLarge } from './interference.ts';
import type { Answer, Conversation, Reply, Request } from './service.ts';
import type { World } from './world.ts';

/** What a request can do to its connection. */
export interface Carrier {
  readonly number: number;
  /** Nothing is answered on this connection any more. */
  mute: boolean;
  /** @param last the last stream that is still worked on; default: the last one that came */
  goaway(debug: string, code?: number, last?: number): void;
  drop(how: 'fin' | 'rst'): void;
  /** A message was taken. */
  succeeded(): void;
}

/** Answers kept back at a time; beyond them the oldest is never given. */
const HELD_MAX = 100_000;

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_PROTOCOL_ERROR } = constants;

/** A request has come completely: counts it, remembers it, and gives it its answer. */
export function handle(
  world: World,
  carrier: Carrier,
  exchange: Exchange,
  request: Request,
  conversation: Conversation,
): void {
  const { counters, faults, memory, options } = world;
  counters.requests++;
  memory.keep(carrier.number, request);
  const answer =
    request.body.length > options.max_body_bytes ? tooLarge : (interference(faults) ?? conversation(request));
  carryOut(world, carrier, exchange, request, answer);
}

/** Gives a request its answer, as late and as badly as the faults say. */
function carryOut(world: World, carrier: Carrier, exchange: Exchange, request: Request, answer: Answer): void {
  const { counters, faults } = world;
  switch (answer.fault) {
    case undefined:
      later(world, latency(world), () => write(world, carrier, exchange, request, answer));
      return;
    case 'slow':
      later(world, faults.slow, () => write(world, carrier, exchange, request, answer));
      return;
    case 'half':
      counters.unanswered++;
      exchange.half(answer.reply);
      return;
    case 'reset':
    case 'refused':
      counters.resets++;
      exchange.reset(answer.fault === 'reset' ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_REFUSED_STREAM);
      return;
    case 'drop':
      carrier.drop('rst');
      return;
    case 'goaway':
      // The stream before is the last one that counts: this one was not worked on. [RFC 9113 §6.8] The library can't name
      // the stream before the first.
      if (exchange.stream === 1) exchange.reset(NGHTTP2_REFUSED_STREAM);
      carrier.goaway('', 0, Math.max(exchange.stream - 2, 0));
      return;
    case 'drain':
      later(world, latency(world), () => write(world, carrier, exchange, request, { ...answer, last: true }));
      return;
    case 'poison':
      carrier.goaway('', NGHTTP2_PROTOCOL_ERROR);
      return;
    case 'black-hole':
      carrier.mute = true;
      counters.unanswered++;
      return;
    case 'silent':
      counters.unanswered++;
  }
}

function latency({ faults: { latency: fixed, latency_spread: spread }, random }: World): number {
  return spread === 0 ? fixed : fixed + random() * spread;
}

function later({ delays }: World, ms: number, act: () => void): void {
  if (ms === 0) act();
  else delays.after(ms, act);
}

function write(world: World, carrier: Carrier, exchange: Exchange, request: Request, answer: Answer): void {
  const { counters, faults, held, watch } = world;
  const { code, target } = answer;
  if (faults.hold_answers) {
    held.push(() => write(world, carrier, exchange, request, answer));
    if (held.length <= HELD_MAX) return;
    held.shift();
    counters.unanswered++;
    return;
  }
  if (carrier.mute) {
    counters.unanswered++;
    return;
  }
  if (target !== undefined) watch.answered?.(target, request.body, code);
  if (code !== undefined) counters.errors[code] = (counters.errors[code] ?? 0) + 1;
  else if (target !== undefined) counters.successes++;
  exchange.reply(withRetryAfter(answer.reply, faults.retry_after), faults.two_frames && code === undefined);
  if (code === undefined && target !== undefined) carrier.succeeded();
  if (answer.last) carrier.goaway('');
}

function withRetryAfter(reply: Reply, retryAfter: string): Reply {
  if (retryAfter === '' || (reply.status !== 429 && reply.status !== 503)) return reply;
  return { ...reply, headers: { ...reply.headers, 'retry-after': retryAfter } };
}
