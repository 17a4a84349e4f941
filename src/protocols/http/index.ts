export { type H2Answer, H2Client, type H2ClientOptions, type H2Report } from './h2-client.ts';
export type { H2Request, H2Response, H2Result } from './h2-exchange.ts';
export type { HttpReply, HttpRequest, HttpRoute, HttpServer, HttpServerOptions } from './server.ts';
export { createHttpServer, HttpError } from './server.ts';
