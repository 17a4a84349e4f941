/** The parts of @xmpp/component that login.ts uses; the library brings no types. Nothing exported depends on these. */
declare module '@xmpp/component' {
  import type { EventEmitter } from 'node:events';

  /** An element of the library (ltx). */
  interface LibraryElement {
    readonly name: string;
  }

  interface LibrarySocket extends EventEmitter {
    connect(parameters: unknown): void;
    write(data: string, done?: (error?: Error | null) => void): void;
    end(): void;
  }

  interface Entity extends EventEmitter {
    /** Found on the prototype, unless the entity has its own. */
    Socket: new () => LibrarySocket;
    Parser: new () => EventEmitter;
    /** Milliseconds for each of its steps. */
    timeout: number;
    readonly reconnect: { stop(): void };
    connect(service: string): Promise<void>;
    open(options: { domain: string }): Promise<void>;
  }

  export function component(options: { service: string; domain: string; password: string }): Entity;

  export function xml(name: string, attrs: Readonly<Record<string, string>>): LibraryElement;
}
