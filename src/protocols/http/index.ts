export { type CorsRules, corsHeaders, preflight } from './cors.ts';
export { type Address, exceptionOption, ForbiddenUrl, type Resolve } from './exits.ts';
export { HttpError } from './http-error.ts';
export { createHttpListener, type HttpListenerHooks } from './listener.ts';
export { type AnswerAbout, problem, type RouteAbout } from './openapi.ts';
export { type HttpOptions, httpOptions } from './options.ts';
export {
  Outgoing,
  type OutgoingOptions,
  type OutgoingReport,
  type OutgoingRequest,
  type OutgoingResult,
} from './outgoing.ts';
export type { HttpRequest } from './request.ts';
export { RETRY_AFTER_MAX_MS, RETRY_AFTER_MIN_MS, readRetryAfter, retryAfter } from './retry-after.ts';
export type { HttpReply, HttpRoute, HttpServer, HttpServerOptions, RawHttpRoute } from './server.ts';
export { createHttpServer, NO_ROUTE } from './server.ts';
