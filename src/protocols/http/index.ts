export { type H2Answer, H2Client, type H2ClientOptions, type H2Report } from './h2-client.ts';
export type { H2Request, H2Response, H2Result } from './h2-exchange.ts';
export { HttpError, retryAfter } from './http-error.ts';
export { createHttpListener, type HttpListenerHooks, readCertificate } from './listener.ts';
export { type AnswerAbout, problem, type RouteAbout } from './openapi.ts';
export { type HttpOptions, httpOptions } from './options.ts';
export type { HttpReply, HttpRequest, HttpRoute, HttpServer, HttpServerOptions } from './server.ts';
export { createHttpServer, NO_ROUTE } from './server.ts';
