/** What an app server's author uses of @xmpp/client beside what the bridge itself does. */
declare module '@xmpp/client' {
  interface LibraryElement {
    readonly attrs: Readonly<Record<string, string | undefined>>;
    is(name: string): boolean;
    getChild(name: string, ns: string): LibraryElement | undefined;
    text(): string;
  }

  interface Entity {
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    send(element: LibraryElement): Promise<void>;
  }

  export function client(options: { service: string; domain: string; username: string; password: string }): Entity;
}
