/** The parts of @xmpp/client that client-login.ts uses; the library brings no types. Nothing exported depends on these. */
declare module '@xmpp/client' {
  import type { EventEmitter } from 'node:events';

  /** An element of the library (ltx). */
  interface LibraryElement {
    readonly name: string;
  }

  interface LibrarySocket extends EventEmitter {
    readonly secure: boolean;
    connect(parameters: unknown): void;
    write(data: string, done?: (error?: Error | null) => void): void;
    end(): void;
  }

  /** The library puts `Socket` and `Parser` on the prototype, and calls it without an instance. */
  class Transport {
    Socket: new () => LibrarySocket;
    Parser: new () => EventEmitter;
    socketParameters(service: string): unknown;
  }

  interface Entity extends EventEmitter {
    transports: (typeof Transport)[];
    readonly reconnect: { stop(): void };
    readonly iqCaller: { readonly handlers: Map<string, { reject(error: Error): void }> };
    connect(service: string): Promise<void>;
    open(options: { domain: string }): Promise<void>;
  }

  type Authenticate = (credentials: { username: string; password: string }, mechanism: string) => Promise<void>;

  export function client(options: {
    service: string;
    domain: string;
    timeout: number;
    resource?: string;
    credentials: (authenticate: Authenticate, mechanisms: string[]) => Promise<void>;
  }): Entity;

  export function xml(
    name: string,
    attrs: Readonly<Record<string, string>>,
    children: readonly (LibraryElement | string)[],
  ): LibraryElement;
}
