import { Agent } from 'node:https';
import type { AuthClient } from 'google-auth-library';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { reason } from '../../lib/log.ts';
import type { ServiceAccount } from './service-account.ts';

/** All that a token may be used for. [fcm.md §3.1] */
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
/** Where the library asks, whatever the service account says. */
const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token';
/** A larger answer is no token. */
const ANSWER_MAX_BYTES = 65_536;
/** Google takes assertions that are off by a few minutes; a difference beyond this is worth a word. */
const SKEW_MS = 60_000;
const BECAUSE_MAX_CHARS = 300;

/** A token as it was given. */
export interface FreshToken {
  /** Headers of every request that it opens the door for; secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds that it is good for, from now. */
  readonly lifeMs: number;
}

/** Asks for a token. Rejects with a reason for people, free of secrets. */
export type TokenSource = () => Promise<FreshToken>;

export interface TokenSourceOptions {
  readonly clock: Clock;
  /** Without one: application default credentials. */
  readonly account: ServiceAccount | undefined;
  /** PEM of the authority that signs the token endpoint's certificate, instead of the system's. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

/** Tokens by Google's library, which is loaded only when there is somebody to ask for one. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { clock, timeoutMs } = options;
  let loading: Promise<Asker> | undefined;
  return async () => {
    const abort = new AbortController();
    try {
      loading ??= loadAsker(options);
      const asker = await loading;
      return await deadline(clock, asker(abort.signal), timeoutMs, 'access token');
    } catch (error) {
      abort.abort(); // else the library would hand the same stuck request to the next who asks
      throw new Error(explain(error)); // without its cause, which has the assertion in it
    }
  };
}

type Asker = (signal: AbortSignal) => Promise<FreshToken>;

async function loadAsker({ account, ca }: TokenSourceOptions): Promise<Asker> {
  const { GoogleAuth, JWT, gaxios } = await import('google-auth-library');
  let signal: AbortSignal | undefined;
  let tokenUri = account?.tokenUri;
  // An agent of our own only where it is needed: without one the library minds HTTPS_PROXY.
  const agent = ca === undefined ? {} : { agent: new Agent({ ca }) };
  const transporter = new gaxios.Gaxios({ ...agent, size: ANSWER_MAX_BYTES });
  transporter.interceptors.request.add({
    resolved: async (request) => {
      if (tokenUri !== undefined && request.url.href === GOOGLE_TOKEN_URI) request.url = new URL(tokenUri);
      if (signal) request.signal = signal;
      request.retryConfig = { retry: 0 }; // when to try again is decided elsewhere
      return request;
    },
  });
  // The library's own interceptors would write tokens into its debug log.
  const clientOptions = { transporter, useAuthRequestParameters: false };
  const auth = new GoogleAuth({
    scopes: [SCOPE],
    clientOptions,
    ...(account && {
      credentials: { type: 'service_account', client_email: account.email, private_key: account.key.reveal() },
    }),
  });
  return async (current) => {
    signal = current;
    const client = await auth.getClient();
    if (client instanceof JWT) {
      // Default credentials may be a service account as well, and its file may name an endpoint of its own.
      const written = auth.jsonContent && 'token_uri' in auth.jsonContent ? auth.jsonContent.token_uri : undefined;
      if (typeof written === 'string') tokenUri ??= written;
      if (tokenUri !== undefined) client.additionalClaims = { aud: tokenUri };
    }
    return ask(client);
  };
}

/** A new token, whatever the client still has. */
async function ask(client: AuthClient): Promise<FreshToken> {
  client.setCredentials({ ...client.credentials, expiry_date: 1 });
  const { token } = await client.getAccessToken();
  // The library stamps with the system's time; only the difference is of use.
  const lifeMs = (client.credentials.expiry_date ?? 0) - systemClock.now();
  if (!token) throw new Error('the answer has no access token');
  if (lifeMs <= 0) throw new Error('the answer has an access token that is over already, or no expires_in');
  return {
    headers: {
      authorization: `Bearer ${token}`,
      ...(client.quotaProjectId !== undefined && { 'x-goog-user-project': client.quotaProjectId }),
    },
    lifeMs,
  };
}

/** What went wrong, in words. A clock that is off is the most common reason for refused assertions. */
function explain(error: unknown): string {
  const words = reason(error).slice(0, BECAUSE_MAX_CHARS);
  const date = dateOf(error);
  const off = date === undefined ? 0 : systemClock.now() - date;
  if (Math.abs(off) < SKEW_MS) return words;
  const seconds = Math.round(Math.abs(off) / 1_000);
  return `${words} (the clock of this machine is ${seconds} s ${off > 0 ? 'ahead of' : 'behind'} the token endpoint's)`;
}

/** The `Date` of the answer that an error comes from. */
function dateOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('response' in error)) return undefined;
  const { response } = error;
  if (typeof response !== 'object' || response === null || !('headers' in response)) return undefined;
  const { headers } = response;
  const date = headers instanceof Headers ? Date.parse(headers.get('date') ?? '') : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}
