export { H2Client, type H2ClientOptions, type H2Report } from './client.ts';
export type { H2Request, H2Response, H2Result } from './exchange.ts';
