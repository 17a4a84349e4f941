/** How a connection stands. */
export interface ConnectionInfo {
  readonly connection: number;
  readonly state: ConnectionState;
  readonly sender: string | undefined;
  readonly jid: string | undefined;
  /** Downstream messages received, un-acked now, and un-acked at most. */
  readonly received: number;
  readonly unacked: number;
  readonly maxUnacked: number;
  readonly windowBreaches: number;
  /** Answers that are held back. */
  readonly held: number;
  /** Upstream messages that the app server has not acked. */
  readonly upstreamUnacked: number;
}

/** `new` is not logged in; `draining` and `closing` still carry acks. */
export type ConnectionState = 'new' | 'bound' | 'draining' | 'closing' | 'closed';
