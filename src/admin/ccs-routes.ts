import { z } from '../lib/schema.ts';
import { HttpError, type HttpServer } from '../protocols/http/index.ts';

/** The CCS door as the operator sees it. */
export interface CcsConnections {
  /** What is connected; each has its number under `connection`. */
  connections(): readonly object[];
  /** Tells the connection of this number, or all, that it drains; how many were told. */
  drain(connection?: number): number;
}

const drain = z.strictObject(
  { connection: z.int({ error: 'must be the number of a connection' }).min(1).optional() },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; known: connection`
        : 'the body must be a JSON object',
  },
);

/** `GET /ccs` shows the connections of app servers, `POST /ccs/drain` sends one of them, or all, to another bridge. */
export function addCcsRoutes(server: HttpServer, door: CcsConnections): void {
  server.route({ method: 'GET', path: '/ccs', handle: () => ({ json: { connections: door.connections() } }) });
  server.route({
    method: 'POST',
    path: '/ccs/drain',
    body: drain,
    handle({ body: { connection } }) {
      const draining = door.drain(connection);
      if (draining > 0 || connection === undefined) return { json: { draining } };
      throw new HttpError(404, 'unknown_connection', 'connection: there is none of this number');
    },
  });
}
