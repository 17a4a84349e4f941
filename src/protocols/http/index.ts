export { HttpError, retryAfter } from './http-error.ts';
export { createHttpListener, type HttpListenerHooks, readCertificate } from './listener.ts';
export { type AnswerAbout, problem, type RouteAbout } from './openapi.ts';
export { type HttpOptions, httpOptions } from './options.ts';
export type { HttpReply, HttpRequest, HttpRoute, HttpServer, HttpServerOptions } from './server.ts';
export { createHttpServer, NO_ROUTE } from './server.ts';
