/** Posts to an HTTP server over connections that are kept, one at a time on each; raw sockets, so that they cost little. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { LoadResult } from './load.ts';
import { quantiles, sleep } from './measure.ts';

export interface PostOptions {
  readonly port: number;
  /** Posted to by turns. */
  readonly paths: readonly string[];
  readonly connections: number;
  readonly posts: number;
  readonly body: Buffer;
  /** Posts per second over all connections; absent: as fast as it goes. */
  readonly rate?: number;
}

const HEAD_END = '\r\n\r\n';

/**
 * Posts, and waits for a 201 to each. Times are from the post to the end of its answer; with a rate, from when it was due if
 * every connection was busy then.
 */
export async function runPosts(options: PostOptions): Promise<LoadResult> {
  const { posts, connections, rate } = options;
  const times = new Float64Array(posts);
  const posters = await Promise.all(Array.from({ length: connections }, () => Poster.open(options)));
  let next = 0;
  const started = performance.now();
  const lane = async (poster: Poster) => {
    while (next < posts) {
      const n = next++;
      const due = rate === undefined ? performance.now() : started + (n * 1000) / rate;
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      const from = early > 0 ? performance.now() : due;
      await poster.post(n);
      times[n] = performance.now() - from;
    }
  };
  await Promise.all(posters.map(lane));
  const seconds = (performance.now() - started) / 1000;
  for (const poster of posters) poster.close();
  return { seconds, messages: posts, perSecond: posts / seconds, ...quantiles(times) };
}

/** One connection. */
class Poster {
  readonly #socket: Socket;
  readonly #requests: readonly Buffer[];
  #text = '';
  #answered: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, { paths, body }: PostOptions) {
    this.#socket = socket;
    this.#requests = paths.map((path) => {
      const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nttl: 60\r\nurgency: normal\r\ncontent-type: application/octet-stream\r\ncontent-encoding: aes128gcm\r\ncontent-length: ${body.length}\r\n\r\n`;
      return Buffer.concat([Buffer.from(head, 'latin1'), body]);
    });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('close', () => this.#failed?.(new Error('the server closed a connection')));
    socket.on('error', (error) => this.#failed?.(error));
  }

  static async open(options: PostOptions): Promise<Poster> {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Poster(socket, options);
  }

  post(n: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(this.#requests[n % this.#requests.length] ?? '');
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    if (!this.#text.includes(HEAD_END)) return;
    const answer = this.#text;
    this.#text = '';
    // Without a body, the end of the head is the end of the answer.
    if (answer.startsWith('HTTP/1.1 201 ') && /\r\ncontent-length: 0\r\n/i.test(answer)) this.#answered?.();
    else this.#failed?.(new Error(`the server says ${answer}`));
  }
}
