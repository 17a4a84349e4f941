import { count, duration, port, secret, z } from '../../lib/schema.ts';

const domainName = () => z.string().regex(/^[^@/\s]+$/, 'must be a domain');

const registrationOptions = z.strictObject({
  hosts: z
    .array(domainName())
    .optional()
    .describe('XMPP domains whose accounts may register (default: the domain above that of the component)'),
  lifetime: duration(60_000)
    .default(2_592_000_000)
    .describe('an endpoint ends so long after its last registration; clients renew when a day is left'),
  dialects: z
    .array(z.enum(['legacy', 'gultsch']))
    .min(1)
    .default(['legacy', 'gultsch'])
    .describe('what is spoken: `legacy` is `unifiedpush.org`, `gultsch` that of Conversations'),
  at_once: count(1, 100_000)
    .default(1_000)
    .describe('registrations that are worked on at once, at most; an account has a tenth of it'),
});

/** UnifiedPush for clients of an XMPP server, as its component (XEP-0114). */
export const xmppOptions = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('localhost')
    .describe('host of the XMPP server; nothing is encrypted on the way there'),
  port: port().default(5347).describe('its port for components'),
  domain: domainName().describe('domain of the component, such as push.example.org: what clients register with'),
  secret: secret().describe('secret that the server knows the component by'),
  connections: count(1, 10)
    .default(1)
    .describe('connections to the server; ejabberd shares the work among several, Prosody takes one'),
  registrations: registrationOptions.prefault({}).describe('who may have endpoints, and for how long'),
  in_flight: count(1, 100_000).default(1_000).describe('pushes without an answer, at most'),
  in_flight_per_account: count(1, 100_000)
    .default(100)
    .describe('of these, for one account: who does not answer holds up nobody else'),
  answer_timeout: duration(50)
    .default(30_000)
    .describe('a push that the client does not answer for so long waits and is sent again'),
  bounce_wait: duration(0, 60_000)
    .default(2_000)
    .describe(
      'a push in the old dialect, which has no answers, counts as delivered when the server has not sent it back for so long',
    ),
  away_retry: duration(1_000)
    .default(300_000)
    .describe('a client that is away is tried again after so long at most, if it does not say before that it is there'),
  login_timeout: duration(50).default(20_000).describe('connecting and logging in, all together'),
  ping_interval: duration(20)
    .default(60_000)
    .describe('silence of the server before a ping; as much silence after it and the connection is dead'),
  max_stanza_bytes: count(65_536, 16_777_216)
    .default(1_048_576)
    .describe(
      'largest stanza taken from the server, in bytes; a larger one closes the connection, so it must be more than the server takes from clients',
    ),
});

export type XmppOptions = z.infer<typeof xmppOptions>;

/** The domains whose accounts may register. */
export function allowedHosts({ domain, registrations }: XmppOptions): ReadonlySet<string> {
  const parent = domain.slice(domain.indexOf('.') + 1);
  return new Set((registrations.hosts ?? [parent]).map((host) => host.toLowerCase()));
}
