import type { ConnectionOptions } from 'node:tls';
import type { ClientStream, Negotiation } from './client-stream.ts';
import { NS } from './namespaces.ts';
import { escapeAttribute } from './xml.ts';

/**
 * The talk before the talk: asks the server for TLS, and goes on with `next` inside of it. Nothing else is said in the
 * clear. [RFC 6120 §5]
 * @param domain the XMPP domain that is wanted
 * @param refused told why the server does not want TLS
 */
export function startTls(
  stream: ClientStream,
  domain: string,
  tls: ConnectionOptions,
  next: Negotiation,
  refused: (why: string) => void,
): Negotiation {
  return {
    onConnect() {
      const to = escapeAttribute(domain);
      stream.send(
        `<?xml version='1.0'?><stream:stream to="${to}" version="1.0" xmlns="${NS.client}" xmlns:stream="${NS.stream}">`,
      );
    },
    onStart() {},
    onElement(element) {
      if (element.is('features', NS.stream)) {
        if (element.child('starttls', NS.tls)) stream.send(`<starttls xmlns="${NS.tls}"/>`);
        else refused('the server does not offer STARTTLS');
      } else if (element.is('proceed', NS.tls)) stream.secure(tls, next);
      else if (element.is('failure', NS.tls)) refused('the server refused STARTTLS');
    },
    onEnd: (end) => next.onEnd(end),
  };
}
