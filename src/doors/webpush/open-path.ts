import { corsHeaders, HttpError, type HttpReply, type HttpServer, preflight } from '../../protocols/http/index.ts';

const METHODS = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'] as const;
type Method = (typeof METHODS)[number];

/** Request headers that scripts of other sites may send, and answer headers that they may read. */
const SEND = [
  'TTL',
  'Urgency',
  'Topic',
  'Prefer',
  'Authorization',
  'Content-Encoding',
  'Content-Type',
  'Encryption',
  'Crypto-Key',
];
const READ = ['Location', 'TTL', 'Link', 'Retry-After'];

/**
 * Opens a path to scripts of other sites, and refuses the methods that it does not have.
 * @param refuse the answer to those, if it has a form of its own
 * @returns the headers of all its answers
 */
export function openPath(
  server: Pick<HttpServer, 'route' | 'rawRoute'>,
  path: string,
  methods: readonly Method[],
  refuse?: (headers: Readonly<Record<string, string>>) => HttpReply,
): Readonly<Record<string, string>> {
  const rules = { methods, send: SEND, read: READ };
  const always = corsHeaders(rules);
  const allow = { allow: methods.join(', ') };
  server.route(preflight(path, rules));
  for (const method of METHODS.filter((one) => !methods.includes(one))) {
    server.rawRoute({
      method,
      path,
      always,
      handle() {
        if (refuse) return refuse(allow);
        throw new HttpError(405, 'method_not_allowed', `this resource has ${allow.allow}`, allow);
      },
    });
  }
  return always;
}
