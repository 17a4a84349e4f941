import { z } from '../../lib/schema.ts';
import type { HttpServer } from '../../protocols/http/index.ts';
import { createHttpServer } from '../../protocols/http/index.ts';
import { targetSchema } from '../control.ts';
import { attempt, numberOf, routeCommon } from '../control-http.ts';
import type { Http2Control } from './control.ts';
import type { Http2Faults } from './options.ts';
import type { World } from './world.ts';

const BODY_LIMIT_BYTES = 1024 * 1024;
const one = targetSchema.default('one');

/** What the control gives away beside itself. */
export interface Http2ControlHttpOptions<Patch> {
  readonly caPem: string;
  readonly patch: z.ZodType<unknown, Patch>;
  /** What clients log in with. */
  readonly credentials: () => unknown;
}

/** The control over HTTP, if a port is named for it: JSON in, JSON out. A service adds routes of its own. */
export function createHttp2ControlHttp<Faults extends Http2Faults, Patch>(
  control: Http2Control<Faults, Patch>,
  { options: { control_host: host, control_port: port }, log }: World,
  { caPem, patch, credentials }: Http2ControlHttpOptions<Patch>,
): HttpServer | undefined {
  if (port === undefined) return undefined;
  const onFault = (error: unknown): void => log.error('control failed', { error });
  const server = createHttpServer({ host, port, bodyLimit: BODY_LIMIT_BYTES, onFault });
  routeCommon(server, control, caPem, patch);
  server.route({ method: 'GET', path: '/credentials', handle: () => ({ json: credentials() }) });
  server.route({
    method: 'GET',
    path: '/requests',
    handle: ({ query }) => ({ json: control.requests(numberOf(query.limit, 100)) }),
  });
  server.route({
    method: 'POST',
    path: '/tokens',
    body: z.strictObject({ token: z.string().min(1), code: z.string().min(1).optional() }),
    handle: ({ body: { token, code } }) => attempt(() => control.setToken(token, code)),
  });
  server.route({
    method: 'POST',
    path: '/goaway',
    body: z.strictObject({
      connection: one,
      debug: z.string().max(1_024).default(''),
      code: z.int().min(0).max(13).default(0),
    }),
    handle: ({ body: { connection, debug, code } }) =>
      attempt(() => ({ connections: control.goaway(connection, debug, code) })),
  });
  server.route({
    method: 'POST',
    path: '/drop',
    body: z.strictObject({ connection: one, how: z.enum(['fin', 'rst']).default('fin') }),
    handle: ({ body }) => attempt(() => ({ connections: control.drop(body.connection, body.how) })),
  });
  return server;
}
