import { count, duration, path, port, z } from '../../lib/schema.ts';

/** Longest public URL, in characters: an endpoint, which is longer by a path and its token, has 1,000 bytes at most. */
const PUBLIC_URL_MAX = 950;

/** Where others find the listener: what stands in front of every path. */
const publicUrl = z.string().max(PUBLIC_URL_MAX).refine(isPublicUrl, {
  error: 'must be an https URL without user, query, fragment and slash at its end, such as https://push.example.com',
});

function isPublicUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return false;
  return !/[?#\s]/.test(text) && !text.endsWith('/');
}

/** The public HTTP listener. It listens if a door needs it. */
export const httpOptions = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  port: port().default(8080).describe('port to listen on, if a door needs it; 0 takes a free one'),
  tls: z
    .strictObject({
      cert: path().describe('certificate chain, PEM file; read at start'),
      key: path().describe('private key, PEM file; read at start'),
    })
    .optional()
    .describe('speak HTTPS'),
  allow_plain: z
    .boolean()
    .default(false)
    .describe('allow plain HTTP although the address is not a loopback one: for a proxy elsewhere that speaks TLS'),
  public_url: publicUrl
    .optional()
    .describe(
      'where others find this listener, such as https://push.example.com; the Host of requests is not believed',
    ),
  body_limit: count(1_024, 16_777_216).default(65_536).describe('largest request body, in bytes; routes may have less'),
  header_limit: count(1_024, 65_536).default(16_384).describe('largest request line with its headers, in bytes'),
  request_timeout: duration(10)
    .default(10_000)
    .describe('a request must be complete after so long, a TLS handshake too'),
  answer_timeout: duration(10)
    .default(15_000)
    .describe('a request that has no answer by then, because the store is slow, gets 503'),
  idle_timeout: duration(10).default(30_000).describe('a connection without a request is closed after so long'),
  max_connections: count(1, 100_000).default(1_000).describe('connections at once; those beyond are closed at once'),
  max_requests: count(1, 100_000).default(1_000).describe('requests that are worked on at once; those beyond get 503'),
});

export type HttpOptions = z.infer<typeof httpOptions>;
