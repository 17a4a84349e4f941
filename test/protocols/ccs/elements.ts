import { StanzaParser, type XmlElement } from '../../../src/protocols/xmpp/index.ts';

/** The stanzas of a text, as they come out of a stream. */
export function stanzas(text: string): XmlElement[] {
  const found: XmlElement[] = [];
  const parser = new StanzaParser({
    onStart() {},
    onElement: (element) => void found.push(element),
    onEnd() {},
    onError(error) {
      throw error;
    },
  });
  parser.write(
    `<stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">${text}</stream:stream>`,
  );
  return found;
}
