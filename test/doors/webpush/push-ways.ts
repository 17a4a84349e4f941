import type { ExecutionContext } from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { head, raw } from '../../protocols/http/raw.ts';
import { token as jwt, type Signer, signer } from '../../protocols/webpush/keys.ts';
import { type Headers, type Json, NO_TOKEN, PUBLIC_URL, type PushBenchOptions, startPush } from './bench.ts';

/** What was answered, as far as it tells answers apart. */
export interface Seen {
  readonly status: number;
  readonly json: unknown;
  /** Absent: the request was written by hand. */
  readonly headers?: globalThis.Headers;
}
export type Way = (t: ExecutionContext, form: Form) => Promise<Seen>;
/** The three ways to an endpoint. */
export type Form = 'path' | 'up' | 'message';

const alice = signer();
const bob = signer();
const HOUR = 3_600;

/** A bench with an endpoint, and the way to push to it. */
export async function start(t: ExecutionContext, form: Form, given: PushBenchOptions = {}, vapid?: string) {
  const bench = await startPush(t, given);
  const endpoint = await bench.endpoint(vapid === undefined ? {} : { vapid });
  const target = endpoint[form];
  const push = (headers: Headers = {}, body = 'x') => bench.post(target, body, headers);
  const now = bench.clock.now() / 1_000;
  return { ...bench, registered: endpoint, target, push, now };
}

const pushWith =
  (headers: Headers, body = 'x'): Way =>
  async (t, form) =>
    (await start(t, form)).push(headers, body);

interface Signature {
  readonly by?: Signer;
  /** The key that is said to be the signer's. */
  readonly shown?: string;
  /** The endpoint is for everybody. */
  readonly open?: boolean;
}

/** Signs a push to an endpoint which is for Alice alone, or for everybody. */
const signedWith =
  (claims: (now: number) => Json, given: Signature = {}): Way =>
  async (t, form) => {
    const { by = alice, shown = by.key, open = false } = given;
    const { push, now } = await start(t, form, {}, open ? undefined : alice.key);
    return push({ Authorization: `vapid t=${jwt(by, { aud: PUBLIC_URL, ...claims(now) })}, k=${shown}` });
  };
const soon = (now: number) => ({ exp: now + HOUR });

/**
 * How to come by each answer to a push, by its status and code: the tables of [unifiedpush.md §1.3] as they should have
 * been, of §2.1, of §2.6 and of §3.1. Several ways to one answer are told apart by what follows.
 */
export const pushWays: Readonly<Record<string, Way>> = {
  '201': pushWith({}),
  '201 with TTL 0': pushWith({ TTL: '0' }),
  '201 with the longest TTL': pushWith({ TTL: '2147483648' }),
  '201 with every urgency': async (t, form) => {
    const { push } = await start(t, form);
    for (const urgency of ['very-low', 'low', 'normal']) await push({ Urgency: urgency });
    return push({ Urgency: 'high' });
  },
  '201 with a topic': pushWith({ Topic: 'a'.repeat(32) }),
  '201 in aesgcm': pushWith({ 'Content-Encoding': 'aesgcm', Encryption: 'salt=A', 'Crypto-Key': `dh=${bob.key}` }),
  '201 with 4096 bytes': pushWith({}, 'x'.repeat(4_096)),
  '201 signed': signedWith(soon),
  '201 signed where it need not be': signedWith(soon, { open: true, by: bob }),
  '201 signed for 24 hours': signedWith((now) => ({ exp: now + 24 * HOUR })),
  '201 signed as in the drafts': async (t, form) => {
    const { push, now } = await start(t, form, {}, alice.key);
    const token = jwt(alice, { aud: PUBLIC_URL, exp: now + HOUR });
    return push({ Authorization: `WebPush ${token}`, 'Crypto-Key': `dh=${bob.key};p256ecdsa=${alice.key}` });
  },
  '201 with another scheme': pushWith({ Authorization: 'Bearer abc' }),
  '201 while the device is away': async (t, form) =>
    (await start(t, form, { provider: new FakeProvider('xmpp', 0) })).push(),
  '202': pushWith({ Prefer: 'respond-async' }),
  '400 bad_request: no body': pushWith({}, ''),
  '400 bad_request: a negative TTL': pushWith({ TTL: '-1' }),
  '400 bad_request: a TTL that is none': pushWith({ TTL: 'soon' }),
  '400 bad_request: no TTL where it is required': async (t, form) =>
    (await start(t, form, { door: { ttl_required: true } })).push(),
  '400 bad_request: no such urgency': pushWith({ Urgency: 'urgent' }),
  '400 bad_request: too long a topic': pushWith({ Topic: 'a'.repeat(33) }),
  '400 bad_request: a topic of other letters': pushWith({ Topic: 'a+b' }),
  '400 bad_request: too long a header': pushWith({ Encryption: 'a'.repeat(1_025) }),
  '400 bad_request: one key to sign and to encrypt': async (t, form) => {
    const { push, now } = await start(t, form, {}, alice.key);
    const token = jwt(alice, { aud: PUBLIC_URL, exp: now + HOUR });
    return push({ Authorization: `WebPush ${token}`, 'Crypto-Key': `dh=${alice.key};p256ecdsa=${alice.key}` });
  },
  '401 unauthorized': async (t, form) => (await start(t, form, {}, alice.key)).push(),
  '401 unauthorized: another scheme': async (t, form) =>
    (await start(t, form, {}, alice.key)).push({ Authorization: 'Bearer abc' }),
  '403 forbidden: another key': signedWith(soon, { by: bob }),
  '403 forbidden: the key of another': signedWith(soon, { by: bob, shown: alice.key }),
  '403 forbidden: over': signedWith((now) => ({ exp: now - HOUR })),
  '403 forbidden: more than 24 hours': signedWith((now) => ({ exp: now + 25 * HOUR })),
  '403 forbidden: for another server': signedWith((now) => ({ ...soon(now), aud: 'https://push.example.org' })),
  '403 forbidden: a bad signature where none need be': signedWith(soon, { by: bob, shown: alice.key, open: true }),
  '403 forbidden: no key': async (t, form) => (await start(t, form)).push({ Authorization: 'vapid t=a.b.c' }),
  '404 not_found': async (t, form) => {
    const { post, target, registered } = await start(t, form);
    return post(target.replace(registered.token, NO_TOKEN), 'x');
  },
  '404 not_found: a forged token': async (t, form) => {
    const { post, target, registered } = await start(t, form);
    return post(target.replace(registered.token, 'eyJhbGciOiJub25lIn0.e30.'), 'x');
  },
  '408 timeout': async (t, form) => {
    const { port, target } = await start(t, form, { http: { request_timeout: '50ms' } });
    return raw(port, `${head(`POST ${target}`, 'content-length: 9')}x`);
  },
  '410 gone: revoked': async (t, form) => {
    const { push, endpoints, registered } = await start(t, form);
    await endpoints.revoke({ token: registered.token });
    return push();
  },
  '410 gone: ended': async (t, form) => {
    const { endpoint, post, clock } = await start(t, form);
    const short = await endpoint({ lifeMs: 1_000 });
    await clock.advance(1_000);
    return post(short[form], 'x');
  },
  '410 gone: registered anew with another key': async (t, form) => {
    const { push, endpoint, registered } = await start(t, form, {}, alice.key);
    const { owner, name } = registered.registration;
    await endpoint({ owner, name, vapid: bob.key });
    return push();
  },
  '413 too_large': pushWith({}, 'x'.repeat(4_097)),
  '429 too_many': async (t, form) => {
    const { push } = await start(t, form, { door: { rate: { per_minute: 1, burst: 1 } } });
    await push();
    return push();
  },
  '500 internal': async (t, form) => {
    const { push, gated } = await start(t, form);
    gated.refuse('accept', new StoreError('fault', 'a fault'));
    return push();
  },
  '503 unavailable': async (t, form) => {
    const { push, gated } = await start(t, form);
    gated.refuse('accept', new StoreError('failed', 'gone'));
    return push();
  },
  '503 busy': async (t, form) => {
    const { push, gated } = await start(t, form, { http: { max_requests: 1, answer_timeout: '20ms' } });
    t.teardown(gated.hold('accept'));
    await push();
    return push();
  },
  '503 timeout': async (t, form) => {
    const { push, gated } = await start(t, form, { http: { answer_timeout: '20ms' } });
    t.teardown(gated.hold('accept'));
    return push();
  },
};
