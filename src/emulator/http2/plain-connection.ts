import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Carrier } from './carry-out.ts';
import { handle } from './carry-out.ts';
import { PlainExchange } from './exchange.ts';
import type { Conversation, Peer, Service } from './service.ts';
import type { World } from './world.ts';

/** One connection of HTTP/1.1, for clients that fetch their tokens by it. */
export class PlainConnection implements Carrier, Peer {
  readonly number: number;
  readonly certificate = 'none';
  mute = false;
  readonly #world: World;
  readonly #raw: Socket;
  readonly #answer: Conversation;

  constructor(number: number, raw: Socket, world: World, service: Service) {
    this.number = number;
    this.#world = world;
    this.#raw = raw;
    this.#answer = service.converse(this);
  }

  take(message: IncomingMessage, response: ServerResponse): void {
    const { max_body_bytes } = this.#world.options;
    let body = '';
    message.setEncoding('utf8');
    message.on('data', (chunk: string) => {
      if (body.length <= max_body_bytes) body += chunk;
    });
    message.on('error', () => {});
    message.on('end', () => {
      const { method = '', url: path = '', headers, rawHeaders } = message;
      handle(this.#world, this, new PlainExchange(response), { method, path, headers, rawHeaders, body }, this.#answer);
    });
  }

  /** There is no such frame: the connection ends. */
  goaway(): void {
    this.#raw.end();
  }

  drop(how: 'fin' | 'rst'): void {
    this.#world.counters.drops++;
    if (how === 'rst') this.#raw.resetAndDestroy();
    else this.#raw.destroy();
  }

  succeeded(): void {}
}
