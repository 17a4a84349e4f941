import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

/** What one request can ask for by its target, beyond an answer. */
export const requestFaults = [
  'silent',
  'reset',
  'refused',
  'drop',
  'goaway',
  'half',
  'slow',
  'black-hole',
  'drain',
  'poison',
] as const;
export type RequestFault = (typeof requestFaults)[number];

/** A request that has come completely. */
export interface Request {
  readonly method: string;
  /** With its query, as it was sent. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they were sent: what came twice stands there twice. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** What becomes of a request. */
export interface Answer {
  readonly reply: Reply;
  /** What it is counted as if it is no success. */
  readonly code?: string | undefined;
  /** Whom the message is for; without it the request was no message. */
  readonly target?: string | undefined;
  /** What goes wrong with it. */
  readonly fault?: RequestFault | undefined;
  /** No more requests shall come on this connection once this is answered. */
  readonly last?: boolean | undefined;
}

/** A connection as its service sees it. */
export interface Peer {
  /** Counted from 1. */
  readonly number: number;
  /** Whether the client showed a certificate, and whether our authority signed it. */
  readonly certificate: 'none' | 'good' | 'bad';
}

/** Answers the requests of one connection. Must not throw, whatever was sent. */
export type Conversation = (request: Request) => Answer;

/** What the requests are about: it knows no sockets. */
export interface Service {
  converse(peer: Peer): Conversation;
}
