/**
 * What every provider keeps, whatever it speaks: run against the emulator of its service, over real sockets. Tokens ask
 * the emulators for their answers, by the names of CCS. [core/ports.ts Provider]
 */
import test, { type ExecutionContext } from 'ava';
import type { Message, Outcome, Payload, Provider, Receiver } from '../../src/core/index.ts';

/** A provider that was not started, and the service that it is made for. */
export interface Subject {
  readonly provider: Provider;
  /** Messages that the service has received, repeats included. */
  received(): number;
  /** Cuts every connection, as a router does that restarts. */
  cut(): void;
  /** The service is gone until {@link comeBack}. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Answers wait (`true`) or come at once. */
  hold(held: boolean): void;
  stop(): Promise<void>;
}

export interface SubjectOptions {
  /** How long the provider waits for an answer, in milliseconds; a second where no test says otherwise. */
  readonly patienceMs: number;
}

const nobody: Receiver = {
  upstream: async () => {},
  receipt: async () => {},
};

let ids = 0;

/** A message as the dispatcher hands it over. */
export function message(target: string, changes: Partial<Message> & { fcm?: object } = {}): Message {
  const { fcm, ...rest } = changes;
  const id = ++ids;
  const payload: Payload = {
    kind: 'fcm',
    json: JSON.stringify({ to: target, data: { text: `message ${id}` }, ...fcm }),
  };
  return {
    id,
    wireId: `wire-${id}`,
    session: 'com.example.app',
    messageId: `own-${id}`,
    provider: 'subject',
    target,
    payload,
    priority: 'normal',
    acceptedAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    ttl: 3_600,
    answer: 'inbox',
    mailbox: 0,
    digest: '',
    receipt: false,
    attempts: 0,
    ...rest,
  };
}

/** Waits until `check` holds, in real time: sockets have their own. */
async function until(check: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!check()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const reply = (outcome: Outcome): unknown => ('reply' in outcome ? JSON.parse(outcome.reply) : undefined);
/** Outcomes after which the message goes out again. */
const AGAIN: readonly Outcome['kind'][] = ['unsent', 'unanswered', 'later'];

type Body = (t: ExecutionContext, subject: Subject) => Promise<void>;

/**
 * Declares the tests.
 * @param make a fresh provider in front of a service that runs
 */
export function providerContract(make: (options: SubjectOptions) => Promise<Subject>): void {
  const contract = (title: string, body: Body, patienceMs = 1_000): void => {
    test(`contract: ${title}`, async (t) => {
      const subject = await make({ patienceMs });
      try {
        await body(t, subject);
      } finally {
        await subject.provider.stop(0);
        await subject.stop();
      }
    });
  };
  const started = (title: string, body: Body, patienceMs?: number): void =>
    contract(
      title,
      async (t, subject) => {
        await subject.provider.start(nobody);
        await until(() => subject.provider.room() > 0, 'room');
        await body(t, subject);
      },
      patienceMs,
    );
  const deliver = ({ provider }: Subject, given: Message) => provider.deliver(given, Date.now());

  contract('before the start it takes nothing and says so', async (t, subject) => {
    t.is(subject.provider.room(), 0);
    t.is(subject.provider.health().state, 'down');
    t.is((await deliver(subject, message('device'))).kind, 'unsent');
    t.is(subject.received(), 0);
  });

  contract('after the start there is room, and the listener is told', async (t, subject) => {
    let told = 0;
    subject.provider.onRoom(() => told++);
    await subject.provider.start(nobody);
    await until(() => subject.provider.room() > 0 && told > 0, 'word of room');
    t.is(subject.provider.health().state, 'ok');
  });

  started('a message that the service takes is accepted, in the vocabulary of CCS', async (t, subject) => {
    const sent = message('device');
    const outcome = await deliver(subject, sent);
    t.is(outcome.kind, 'accepted');
    t.like(reply(outcome), { from: 'device', message_id: sent.messageId, message_type: 'ack' });
    t.is(subject.received(), 1);
  });

  const nacks: readonly (readonly [token: string, kind: Outcome['kind'], scope?: 'message' | 'target'])[] = [
    ['DEVICE_UNREGISTERED', 'gone'],
    ['BAD_REGISTRATION', 'refused'],
    ['INVALID_JSON', 'refused'],
    ['DEVICE_MESSAGE_RATE_EXCEEDED', 'later', 'target'],
    ['SERVICE_UNAVAILABLE', 'later', 'message'],
    ['INTERNAL_SERVER_ERROR', 'later', 'message'],
  ];
  for (const [code, kind, scope] of nacks) {
    started(`${code} is ${kind}${scope ? ` for the ${scope}` : ''}`, async (t, subject) => {
      const sent = message(`${code}:device`);
      const outcome = await deliver(subject, sent);
      t.like(outcome, { kind, code, ...(scope && { scope }) });
      t.like(reply(outcome), { from: sent.target, message_id: sent.messageId, message_type: 'nack', error: code });
      t.true(subject.provider.room() > 0, 'one message says nothing about the others');
    });
  }

  started('a message may come again under its wire id', async (t, subject) => {
    const sent = message('SERVICE_UNAVAILABLE:1');
    t.is((await deliver(subject, sent)).kind, 'later');
    t.is((await deliver(subject, sent)).kind, 'accepted');
  });

  started(
    'room is kept to the message, and every place comes back',
    async (t, subject) => {
      const { provider } = subject;
      await deliver(subject, message('device')); // some services trust a newcomer with one message only
      await until(() => provider.room() > 1, 'trust');
      subject.hold(true);
      const room = provider.room();
      const outcomes: Promise<Outcome>[] = [];
      for (let n = 0; n < room; n++) {
        const before = provider.room();
        outcomes.push(deliver(subject, message('device')));
        t.true(provider.room() < before);
      }
      subject.hold(false);
      t.true((await Promise.all(outcomes)).every(({ kind }) => kind === 'accepted'));
      await until(() => provider.room() >= room, 'every place');
    },
    20_000,
  );

  started(
    'a connection that is cut gives its messages back, and another one takes them',
    async (t, subject) => {
      await deliver(subject, message('device'));
      subject.hold(true);
      const before = subject.received();
      const sent = message('device');
      const outcome = deliver(subject, sent);
      await until(() => subject.received() > before, 'the message');
      subject.cut();
      t.true(AGAIN.includes((await outcome).kind));
      subject.hold(false);
      await until(() => subject.provider.room() > 0, 'room');
      t.is((await deliver(subject, sent)).kind, 'accepted');
    },
    20_000,
  );

  started(
    'an answer that does not come is waited for only so long',
    async (t, subject) => {
      const outcome = await deliver(subject, message('fault:silent'));
      t.true(AGAIN.includes(outcome.kind), outcome.kind);
      await until(() => subject.provider.room() > 0, 'room');
    },
    300,
  );

  contract(
    'a service out of reach is a state, not a failed start; it is found when it comes back',
    async (t, subject) => {
      await subject.goAway();
      await subject.provider.start(nobody);
      await until(() => subject.provider.health().detail !== 'connecting', 'the trouble');
      t.is(subject.provider.health().state, 'down');
      t.is(subject.provider.room(), 0);
      await subject.comeBack();
      await until(() => subject.provider.room() > 0, 'room', 20_000);
      t.is((await deliver(subject, message('device'))).kind, 'accepted');
      t.is(subject.provider.health().state, 'ok');
    },
  );

  started('a service that goes away and comes back is found again', async (t, subject) => {
    await deliver(subject, message('device'));
    await subject.goAway();
    await until(() => subject.provider.room() === 0, 'the loss');
    t.not(subject.provider.health().state, 'ok');
    await subject.comeBack();
    await until(() => subject.provider.room() > 0, 'room', 20_000);
    t.is((await deliver(subject, message('device'))).kind, 'accepted');
  });

  const fcm = (fields: object): Payload => ({ kind: 'fcm', json: JSON.stringify(fields) });
  contract('what would be refused anyway is found at the door', async (t, { provider }) => {
    const most = { to: 'device', data: { k: 'x'.repeat(3_000) } };
    t.is(provider.inspect(fcm(most)), undefined);
    t.like(provider.inspect(fcm({ to: 'device', data: { k: 'x'.repeat(5_000) } })), { code: 'PAYLOAD_TOO_LARGE' });
    const opaque: Payload = { kind: 'opaque', body: new Uint8Array(8), headers: '{}' };
    t.like(provider.inspect(opaque), { code: 'INVALID_MESSAGE' });
  });

  started(
    'stopping lets what is in flight come home, and takes nothing more',
    async (t, subject) => {
      subject.hold(true);
      const outcome = deliver(subject, message('device'));
      await until(() => subject.received() > 0, 'the message');
      const stopped = subject.provider.stop(10_000);
      t.is(subject.provider.room(), 0);
      t.is((await deliver(subject, message('device'))).kind, 'unsent');
      subject.hold(false);
      t.is((await outcome).kind, 'accepted');
      await stopped;
      await subject.provider.stop(0);
      t.is(subject.provider.health().state, 'down');
    },
    20_000,
  );

  started(
    'stopping does not wait for ever: what is still in flight goes out again after the next start',
    async (t, subject) => {
      subject.hold(true);
      const outcome = deliver(subject, message('device'));
      await until(() => subject.received() > 0, 'the message');
      await subject.provider.stop(50);
      t.true(AGAIN.includes((await outcome).kind));
    },
    20_000,
  );
}
