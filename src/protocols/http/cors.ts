import type { HttpRoute } from './server.ts';

/** How long a browser may remember what it was told, in seconds: two hours, the most that any of them takes. */
const MAX_AGE = 7_200;

/** What the scripts of other sites may do with a resource. [Fetch §3.3] */
export interface CorsRules {
  readonly methods: readonly string[];
  /** Request headers that they may send. */
  readonly send: readonly string[];
  /** Answer headers that they may read. */
  readonly read: readonly string[];
}

/** What stands in every answer of such a resource. Any site may ask: there are no cookies to be misused. */
export function corsHeaders({ read }: CorsRules): Readonly<Record<string, string>> {
  return { 'access-control-allow-origin': '*', 'access-control-expose-headers': read.join(', ') };
}

/** The route that answers the question which browsers ask first. [Fetch §3.3.2] */
export function preflight(path: string, rules: CorsRules): HttpRoute<undefined> {
  const methods = rules.methods.join(', ');
  return {
    method: 'OPTIONS',
    path,
    always: {
      ...corsHeaders(rules),
      'access-control-allow-methods': methods,
      'access-control-allow-headers': rules.send.join(', '),
      'access-control-max-age': String(MAX_AGE),
      allow: methods,
    },
    about: {
      summary: 'What scripts of other sites may send.',
      answers: { 204: { description: 'It stands in the headers.', headers: { Allow: methods } } },
    },
    handle: () => ({}),
  };
}
