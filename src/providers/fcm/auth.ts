import type { AuthClient } from 'google-auth-library';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { reason } from '../../lib/log.ts';
import { plainFetch } from './plain-fetch.ts';
import type { ServiceAccount } from './service-account.ts';

/** All that a token may be used for. [fcm.md §3.1] */
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
/** Where the library asks, whatever the service account says. */
const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token';
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

/** Asks for a token, unless nobody waits for it any more. Rejects with a reason for people, free of secrets. */
export type TokenSource = (nobody: AbortSignal) => Promise<FreshToken>;

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
  let client: Promise<Client> | undefined;
  return async (nobody) => {
    const abort = new AbortController();
    try {
      client ??= createClient(options);
      const asked = ask(await client, AbortSignal.any([nobody, abort.signal]));
      return await deadline(clock, asked, timeoutMs, 'token endpoint');
    } catch (error) {
      // The library would hand the same stuck request to the next who asks: that one gets another client.
      abort.abort();
      client = undefined;
      throw new Error(explain(error)); // without its cause, which has the assertion in it
    }
  };
}

/** The library's client, and how its requests go out. */
interface Client {
  readonly find: () => Promise<AuthClient>;
  readonly route: { signal?: AbortSignal };
}

async function createClient({ account, ca }: TokenSourceOptions): Promise<Client> {
  const { GoogleAuth, JWT, gaxios } = await import('google-auth-library');
  const route: { signal?: AbortSignal; tokenUri?: string | undefined } = { tokenUri: account?.tokenUri };
  const transporter = new gaxios.Gaxios({ fetchImplementation: (input, init = {}) => plainFetch(input, init, ca) });
  transporter.interceptors.request.add({
    resolved: async (request) => {
      if (route.tokenUri !== undefined && request.url.href === GOOGLE_TOKEN_URI) request.url = new URL(route.tokenUri);
      if (route.signal) request.signal = route.signal;
      request.retryConfig = { retry: 0 }; // when to try again is decided elsewhere
      return request;
    },
  });
  // The library's own interceptors would write tokens into its debug log.
  const common = { transporter, useAuthRequestParameters: false };
  const scopes = [SCOPE];
  if (account) {
    const jwt = new JWT({ ...common, scopes, email: account.email, key: account.key.reveal() });
    if (account.tokenUri !== undefined) jwt.additionalClaims = { aud: account.tokenUri };
    return { find: async () => jwt, route };
  }
  const auth = new GoogleAuth({ scopes, clientOptions: common });
  const find = async () => {
    const found = await auth.getClient();
    // Default credentials may be a service account as well, and its file may name an endpoint of its own.
    const { token_uri: uri } = (auth.jsonContent ?? {}) as { token_uri?: unknown };
    if (!(found instanceof JWT) || typeof uri !== 'string') return found;
    route.tokenUri = uri;
    found.additionalClaims = { aud: uri };
    return found;
  };
  return { find, route };
}

/** A new token, whatever the client still has. */
async function ask({ find, route }: Client, signal: AbortSignal): Promise<FreshToken> {
  route.signal = signal;
  const client = await find();
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

/** The answer that an error of the library comes from. */
interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly headers: Headers;
}

/** What went wrong, in words. A clock that is off is the most common reason for refused assertions. */
function explain(error: unknown): string {
  const { response } = error as { response?: Answer };
  if (!response) return reason(error).slice(0, BECAUSE_MAX_CHARS);
  const words = wordsOf(response).slice(0, BECAUSE_MAX_CHARS);
  const off = systemClock.now() - Date.parse(response.headers.get('date') ?? '');
  if (!(Math.abs(off) >= SKEW_MS)) return words;
  const seconds = Math.round(Math.abs(off) / 1_000);
  return `${words} (the clock of this machine is ${seconds} s ${off > 0 ? 'ahead of' : 'behind'} the token endpoint's)`;
}

/** [RFC 6749 §5.2] `error` and `error_description`; without them the status has to do. */
function wordsOf({ status, data }: Answer): string {
  const { error, error_description: more } = (data ?? {}) as { error?: unknown; error_description?: unknown };
  if (typeof error !== 'string') return `the token endpoint answers HTTP ${status}`;
  return typeof more === 'string' ? `${error}: ${more}` : error;
}
