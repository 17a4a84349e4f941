export type { HttpReply, HttpRequest, HttpRoute, HttpServer, HttpServerOptions } from './server.ts';
export { createHttpServer, HttpError } from './server.ts';
