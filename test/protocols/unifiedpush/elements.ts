import { StanzaParser, type XmlElement } from '../../../src/protocols/xmpp/index.ts';

export type StreamNs = 'jabber:client' | 'jabber:component:accept';

/** The only stanza of a text, as it comes out of a stream of this namespace. */
export function stanza(text: string, ns: StreamNs = 'jabber:component:accept'): XmlElement {
  const found: XmlElement[] = [];
  const parser = new StanzaParser({
    onStart() {},
    onElement: (element) => void found.push(element),
    onEnd() {},
    onError(error) {
      throw error;
    },
  });
  parser.write(`<stream:stream xmlns="${ns}" xmlns:stream="http://etherx.jabber.org/streams">${text}</stream:stream>`);
  const [only] = found;
  if (!only || found.length > 1) throw new Error(`${found.length} stanzas`);
  return only;
}

/** Base64 of 32 bytes that are all this one. */
export const hash = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
