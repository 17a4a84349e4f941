import { z } from '../lib/schema.ts';
import type { HttpReply, HttpServer } from '../protocols/http/index.ts';
import { HttpError } from '../protocols/http/index.ts';
import type { CommonControl } from './control.ts';
import { ControlError } from './control.ts';

/** What the control over HTTP has for every emulator: its authority, its counts, its connections and its faults. */
export function routeCommon<Patch>(
  server: HttpServer,
  control: CommonControl<Patch>,
  caPem: string,
  patch: z.ZodType<unknown, Patch>,
): void {
  server.route({ method: 'GET', path: '/ca.pem', handle: () => ({ text: caPem, type: 'application/x-pem-file' }) });
  server.route({ method: 'GET', path: '/stats', handle: () => ({ json: control.stats() }) });
  server.route({ method: 'DELETE', path: '/stats', handle: () => emptied(() => control.resetStats()) });
  server.route({ method: 'GET', path: '/connections', handle: () => ({ json: control.connections() }) });
  server.route({ method: 'GET', path: '/faults', handle: () => ({ json: control.faults() }) });
  server.route({
    method: 'PATCH',
    path: '/faults',
    body: z.unknown(),
    handle({ body }) {
      understood(patch, body);
      return { json: control.setFaults(body as Patch) };
    },
  });
  server.route({ method: 'DELETE', path: '/faults', handle: () => emptied(() => control.resetFaults()) });
}

/** An answer without a body, when this is done. */
export function emptied(act: () => void): HttpReply {
  act();
  return {};
}

/** What the control answers as JSON; 404 for what is not there. */
export function attempt(act: () => unknown): HttpReply {
  try {
    return { json: act() };
  } catch (error) {
    if (error instanceof ControlError) throw new HttpError(404, 'not_found', error.message);
    throw error;
  }
}

/** @throws HttpError naming the field if `value` is not what the schema asks for */
export function understood(schema: z.ZodType, value: unknown): void {
  const [issue] = schema.safeParse(value).error?.issues ?? [];
  if (issue) throw new HttpError(400, 'bad_request', `${issue.path.join('.')}: ${issue.message}`);
}

/** A number of the query or the path. */
export function numberOf(text: unknown, otherwise: number): number {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : otherwise;
}
