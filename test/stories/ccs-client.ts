import { client, type LibraryElement, xml } from '@xmpp/client';
import type { Json } from '../doors/bal/harness.ts';

const NAMESPACE = 'google:mobile:data';

/** One connection of the app server, with what it has sent and got no answer to. */
interface Link {
  readonly entity: ReturnType<typeof client>;
  readonly unacked: Map<string, Json>;
  online: boolean;
  draining: boolean;
}

/**
 * An app server as their authors wrote them: @xmpp/client, at most 100 messages un-acked, everything acked that comes, what
 * got no answer sent again after a reconnect, another connection when one drains.
 */
export class AppServer {
  /** What was said to each message: `ack`, or the code of the nack. */
  readonly outcomes = new Map<string, string[]>();
  /** Ids of upstream messages and receipts, each as often as it came. */
  readonly upstream: string[] = [];
  /** What should not have come. */
  readonly strange: string[] = [];
  /** Logins so far. */
  logins = 0;
  drains = 0;
  readonly #port: number;
  readonly #window: number;
  readonly #waiting: Json[] = [];
  readonly #links = new Set<Link>();

  constructor(port: number, window = 100) {
    this.#port = port;
    this.#window = window;
    this.#open();
  }

  send(...messages: Json[]): void {
    this.#waiting.push(...messages);
    this.#fill();
  }

  async stop(): Promise<void> {
    for (const { entity } of this.#links) {
      entity.reconnect.stop();
      await entity.stop().catch(() => {});
    }
  }

  #open(): void {
    const entity = client({
      service: `xmpps://127.0.0.1:${this.#port}`,
      domain: 'gcm.googleapis.com',
      username: '42@gcm.googleapis.com',
      password: 'hush',
    });
    const link: Link = { entity, unacked: new Map(), online: false, draining: false };
    this.#links.add(link);
    entity.on('error', () => {}); // the bridge is down: the library tries again
    entity.on('online', () => {
      this.logins++;
      link.online = true;
      this.#fill();
    });
    entity.on('disconnect', () => {
      link.online = false;
      this.#waiting.unshift(...link.unacked.values());
      link.unacked.clear();
      if (link.draining) this.#links.delete(link);
      this.#fill();
    });
    entity.on('stanza', (stanza: LibraryElement) => this.#stanza(link, stanza));
    entity.start().catch(() => {});
  }

  #fill(): void {
    for (const link of this.#links) {
      while (link.online && !link.draining && link.unacked.size < this.#window) {
        const message = this.#waiting.shift();
        if (!message) return;
        link.unacked.set(String(message.message_id), message);
        this.#write(link, message);
      }
    }
  }

  #write({ entity }: Link, json: Json): void {
    const stanza = xml('message', {}, [xml('gcm', { xmlns: NAMESPACE }, [JSON.stringify(json)])]);
    entity.send(stanza).catch(() => {}); // the connection is gone, which is told by `disconnect`
  }

  #stanza(link: Link, stanza: LibraryElement): void {
    if (stanza.is('iq')) return;
    const text = stanza.getChild('gcm', NAMESPACE)?.text();
    if (text === undefined || stanza.attrs.type === 'error') {
      this.strange.push(String(stanza));
      return;
    }
    const json = JSON.parse(text) as Json;
    const { message_type, message_id, from, error } = json;
    if (message_type === 'control') this.#drain(link);
    else if (message_type === 'ack') this.#answered(link, json, 'ack');
    else if (message_type === 'nack') this.#answered(link, json, String(error));
    else {
      this.upstream.push(String(message_id));
      this.#write(link, { to: from, message_id, message_type: 'ack' });
    }
  }

  #answered(link: Link, { message_id }: Json, outcome: string): void {
    const id = String(message_id);
    const message = link.unacked.get(id);
    link.unacked.delete(id);
    if (!message) this.strange.push(`${outcome} for ${id}, which nobody waits for here`);
    else if (outcome === 'CONNECTION_DRAINING') this.#waiting.unshift(message);
    else this.outcomes.set(id, [...(this.outcomes.get(id) ?? []), outcome]);
    this.#fill();
  }

  /** [fcm.md §1.10] Another connection at once; this one is read on until the server closes it. */
  #drain(link: Link): void {
    this.drains++;
    link.draining = true;
    link.entity.reconnect.stop();
    this.#open();
  }
}
