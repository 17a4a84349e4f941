/** What a client of a push service uses of @xmpp/client, beside what the bridge itself does. Nothing exported depends on it. */
declare module '@xmpp/client' {
  interface LibraryElement {
    readonly attrs: Readonly<Record<string, string | undefined>>;
    getChild(name: string, xmlns?: string): LibraryElement | undefined;
    getChildText(name: string, xmlns?: string): string | null;
    text(): string;
    toString(): string;
  }

  interface Entity {
    readonly jid: { toString(): string };
    readonly iqCallee: {
      set(
        ns: string,
        name: string,
        handler: (context: { readonly stanza: LibraryElement }) => LibraryElement | true,
      ): void;
    };
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    write(text: string): Promise<void>;
  }

  export function client(options: {
    service: string;
    domain: string;
    username: string;
    password: string;
    resource: string;
  }): Entity;
}
