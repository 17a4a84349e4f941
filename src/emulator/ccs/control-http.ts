import { z } from '../../lib/schema.ts';
import type { HttpReply, HttpServer } from '../../protocols/http/index.ts';
import { createHttpServer, HttpError } from '../../protocols/http/index.ts';
import { targetSchema } from '../control.ts';
import { attempt, numberOf, routeCommon, understood } from '../control-http.ts';
import type { Control } from './control.ts';
import { upstreamSchema } from './control.ts';
import { faultPatch } from './options.ts';

const one = targetSchema.default('one');
const all = targetSchema.default('all');
const conditions = z.enum(['internal-server-error', 'invalid-xml', 'not-well-formed', 'policy-violation', 'reset']);

/** Where the control listens. */
export interface ControlHttpOptions {
  readonly host: string;
  readonly port: number;
  readonly caPem: string;
  readonly onFault: (error: unknown) => void;
}

/** The control over HTTP: JSON in, JSON out. */
export function createControlHttp(control: Control, options: ControlHttpOptions): HttpServer {
  const { host, port, onFault, caPem } = options;
  const server = createHttpServer({ host, port, bodyLimit: 4 * 1024 * 1024, onFault });
  routeCommon(server, control, caPem, faultPatch);
  routeStats(server, control);
  routeFaults(server, control);
  routeActions(server, control);
  return server;
}

function routeStats(server: HttpServer, control: Control): void {
  server.route({
    method: 'GET',
    path: '/messages',
    handle: ({ query }) => ({ json: control.messages(numberOf(query.times, 1), numberOf(query.limit, 1_000)) }),
  });
  server.route({
    method: 'GET',
    path: '/messages/:id',
    handle: ({ params }) => found(control.message(params.id ?? '')),
  });
  server.route({
    method: 'GET',
    path: '/upstream/:id',
    handle: ({ params }) => found(control.upstreamMessage(params.id ?? '')),
  });
}

function routeFaults(server: HttpServer, control: Control): void {
  const body = faultPatch;
  server.route({
    method: 'PATCH',
    path: '/connections/:number/faults',
    body: z.unknown(),
    handle({ params, body: patch }) {
      understood(body, patch);
      const number = numberOf(params.number, 0);
      return attempt(() => control.setFaults(patch as z.input<typeof body>, number));
    },
  });
  server.route({
    method: 'POST',
    path: '/tokens',
    body: z.strictObject({ token: z.string().min(1), nack: z.string().optional(), canonical: z.string().optional() }),
    handle({ body: { token, nack, canonical } }) {
      control.setToken(token, nack ? { nack } : canonical ? { canonical } : undefined);
      return {};
    },
  });
}

function routeActions(server: HttpServer, control: Control): void {
  server.route({
    method: 'POST',
    path: '/drain',
    body: z.strictObject({ connection: one }),
    handle: ({ body }) => attempt(() => ({ connections: control.drain(body.connection) })),
  });
  server.route({
    method: 'POST',
    path: '/drop',
    body: z.strictObject({ connection: one, how: z.enum(['fin', 'rst']).default('fin') }),
    handle: ({ body }) => attempt(() => ({ connections: control.drop(body.connection, body.how) })),
  });
  server.route({
    method: 'POST',
    path: '/close',
    body: z.strictObject({ connection: one }),
    handle: ({ body }) => attempt(() => ({ connections: control.close(body.connection) })),
  });
  server.route({
    method: 'POST',
    path: '/fail',
    body: z.strictObject({ connection: one, condition: conditions.default('internal-server-error') }),
    handle: ({ body }) => attempt(() => ({ connections: control.fail(body.connection, body.condition) })),
  });
  server.route({
    method: 'POST',
    path: '/release-acks',
    body: z.strictObject({ connection: all, count: z.int().min(1).optional() }),
    handle: ({ body }) => attempt(() => ({ released: control.releaseAcks(body.connection, body.count) })),
  });
  server.route({
    method: 'POST',
    path: '/upstream',
    body: upstreamSchema,
    handle: ({ body: { sender, category, message_id, time_to_live, ...rest } }) =>
      attempt(() => ({
        message_ids: control.upstream({
          ...rest,
          ...(sender === undefined ? {} : { sender }),
          ...(category === undefined ? {} : { category }),
          ...(message_id === undefined ? {} : { message_id }),
          ...(time_to_live === undefined ? {} : { time_to_live }),
        }),
      })),
  });
  server.route({
    method: 'POST',
    path: '/send',
    body: z.strictObject({ connection: one, xml: z.string() }),
    handle: ({ body }) => attempt(() => ({ connections: control.send(body.connection, body.xml) })),
  });
}

function found(json: unknown): HttpReply {
  if (json === undefined) throw new HttpError(404, 'not_found', 'no such message was seen');
  return { json };
}
