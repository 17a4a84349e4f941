import type {
  Incoming,
  NewRegistration,
  Notice,
  Settlement,
  Store,
  StoreLimits,
  Submission,
  Work,
} from '../../src/core/index.ts';

export const HOUR = 3_600_000;
/** The moment at which every sample begins. */
export const T0 = 1_700_000_000_000;

export const LIMITS: StoreLimits = {
  dedupeWindowMs: HOUR,
  dedupeMax: 1000,
  upstreamDedupeMs: 24 * HOUR,
  receiptsMax: 1000,
  inboxTtlMs: 28 * 24 * HOUR,
  deadLettersMax: 1000,
  registrationsMax: 1000,
  registrationsPerOwner: 100,
  revokedMs: HOUR,
  maxInbox: 1000,
  sessions: {},
};

export function submission(messageId: string, fields: Partial<Submission> = {}): Submission {
  return {
    session: 'app',
    messageId,
    provider: 'ccs',
    target: 'token',
    payload: { kind: 'fcm', json: '{"data":{"k":"Grüße ✓"}}' },
    priority: 'normal',
    acceptedAt: T0,
    expiresAt: T0 + 28 * 24 * HOUR,
    answer: 'inbox',
    mailbox: 0,
    digest: `digest of ${messageId}`,
    receipt: false,
    ...fields,
  };
}

export function ack(messageId: string): Notice {
  return { type: 'ack', messageId, data: `{"message_id":"${messageId}"}` };
}

export function incoming(id: string, fields: Partial<Incoming> = {}): Incoming {
  return {
    provider: 'ccs',
    from: 'device',
    id,
    at: T0,
    notice: { type: 'upstream', messageId: id, data: '{}' },
    to: { session: 'app', mailbox: 0 },
    ...fields,
  };
}

type Lent = { readonly claim: number; readonly message: { readonly id: number; readonly messageId: string } };

/** The provider took it. */
export function accepted({ claim, message }: Lent, at = T0): Settlement {
  return {
    id: message.id,
    claim,
    at,
    verdict: { kind: 'final', accepted: true, notice: ack(message.messageId) },
  };
}

/** The provider refused it. */
export function refused({ claim, message }: Lent, dead?: string): Settlement {
  const { messageId } = message;
  const notice: Notice = {
    type: 'reject',
    messageId,
    groupId: 'g',
    error: 'BAD_REGISTRATION',
    errorString: 'no such token',
    data: '{}',
  };
  const verdict = { kind: 'final', accepted: false, notice, ...(dead !== undefined && { dead }) } as const;
  return { id: message.id, claim, at: T0, verdict };
}

export function retried({ claim, message }: Lent, dueAt: number, answered = true, held = false): Settlement {
  return {
    id: message.id,
    claim,
    at: T0,
    verdict: { kind: 'retry', dueAt, because: 'SERVICE_UNAVAILABLE: not now', answered, ...(held && { held }) },
  };
}

/** Ids of everything that can be claimed now. */
export async function claimIds(store: Store, now = T0, room = 100, provider = 'ccs'): Promise<string[]> {
  return (await store.claim(provider, room, now)).claims.map(({ message }) => message.messageId);
}

/** Accepts one message, lends it out and settles it as accepted: the shortest whole life. */
export async function deliver(store: Store, messageId: string, fields: Partial<Submission> = {}, at = T0) {
  await store.accept([submission(messageId, fields)]);
  const { claims } = await store.claim(fields.provider ?? 'ccs', 100, at);
  const lent = claims.find(({ message }) => message.messageId === messageId);
  if (!lent) throw new Error(`${messageId} could not be claimed`);
  const [settled] = await store.settle([accepted(lent, at)]);
  return { lent, settled };
}

/** Listens for work. `next` resolves once this work was announced since the last `forget`. */
export function workOf(store: Store) {
  let heard: Work[] = [];
  let check = (): void => {};
  store.onWork((work) => {
    heard.push(work);
    check();
  });
  const same = (a: Work, b: Work): boolean => JSON.stringify(a) === JSON.stringify(b);
  return {
    forget: () => {
      heard = [];
    },
    next: (work: Work): Promise<void> =>
      new Promise((resolve) => {
        check = () => heard.some((one) => same(one, work)) && resolve();
        check();
      }),
  };
}

/** A registration of `romeo` as somebody asks for it; its token is made of its name. */
export function registration(name: string, fields: Partial<NewRegistration> = {}): NewRegistration {
  return {
    token: `token of ${name}`,
    owner: 'xmpp:romeo@example.net',
    name,
    provider: 'ccs',
    data: '{"jid":"romeo@example.net/Grüße ✓"}',
    registeredAt: T0,
    ...fields,
  };
}
