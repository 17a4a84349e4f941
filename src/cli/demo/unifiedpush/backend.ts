import { BalClient, type Upstream } from '../../../client/index.ts';
import type { Clock } from '../../../lib/clock.ts';
import { reason } from '../../../lib/log.ts';
import { SECRET } from '../plan.ts';
import type { Book } from './book.ts';
import { Subscription } from './subscription.ts';

/** The session of the backend. */
export const SESSION = 'com.example.gateway';

/** A backend that owns endpoints: it decrypts what is pushed there, and acknowledges. */
export class Backend {
  /** By the names that it gives its endpoints; the keys are those of whoever reads the pushes. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Whether pushes are acknowledged as they come; those that come while not are held. */
  acknowledges = true;
  readonly #options: { readonly port: number; readonly book: Book; readonly clock: Clock };
  readonly #held: Upstream[] = [];
  #client: BalClient | undefined;

  constructor(options: { port: number; book: Book; clock: Clock }) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    const { port } = this.#options;
    this.#client = new BalClient({ host: '127.0.0.1', port, session: SESSION, secret: SECRET });
    void this.#listen(this.#client.upstream());
    await this.#client.connect();
  }

  async leave(): Promise<void> {
    await this.#client?.logoff({ wait: 'nothing' });
  }

  /** The URL of an endpoint. */
  async register(token: string, vapid?: string): Promise<string> {
    if (!this.subscriptions.has(token)) this.subscriptions.set(token, new Subscription());
    return (await this.#online.registerEndpoint({ token, ...(vapid !== undefined && { vapid }) })).endpoint;
  }

  unregister(token: string): Promise<void> {
    return this.#online.unregisterEndpoint(token);
  }

  /** Has the bridge push, to whatever server the endpoint is at, and gives what became of it. */
  async push(url: string, keys: Subscription['keys'], data: Readonly<Record<string, string>>): Promise<string> {
    const { outcome } = await this.#online.send({ provider: 'webpush', fcmData: { to: url, keys, data } });
    const result = await outcome;
    return result.kind === 'ack' ? 'ack' : result.code;
  }

  /** Pushes that have come and are not acknowledged. */
  get held(): number {
    return this.#held.length;
  }

  /** Acknowledges what it holds, and from now on whatever comes. */
  acknowledge(): void {
    this.acknowledges = true;
    for (const upstream of this.#held.splice(0)) upstream.ack();
  }

  get #online(): BalClient {
    if (!this.#client) throw new Error('the backend is away');
    return this.#client;
  }

  async #listen(upstream: AsyncIterable<Upstream>): Promise<void> {
    const { book } = this.#options;
    for await (const message of upstream) {
      try {
        this.#read(message.data.push as { readonly token: string; readonly content: string });
      } catch (error) {
        book.wrongs.push(`${message.messageId}: can not be decrypted: ${reason(error)}`);
      }
      if (this.acknowledges) message.ack();
      else this.#held.push(message);
    }
  }

  #read({ token, content }: { readonly token: string; readonly content: string }): void {
    const { book, clock } = this.#options;
    const text = this.subscriptions.get(token)?.decrypt(Buffer.from(content, 'base64'));
    book.arrived(text ?? `a push to ${token}`, clock.monotonic());
  }
}
