import { isLoopback } from '../lib/loopback.ts';
import { count, duration, path, port, secret, z } from '../lib/schema.ts';

/** A JID without resource, with or without an account. */
const bareJid = (shape: RegExp, what: string) => z.string().regex(shape, { error: what });

const accountOptions = z
  .strictObject({
    jid: bareJid(/^[^@/\s]+@[^@/\s]+$/, 'must be user@domain').describe('the XMPP account, `user@domain`'),
    password: secret().describe('its password'),
    host: z
      .string()
      .min(1)
      .optional()
      .describe('where its server is (default: what DNS says (SRV), else the domain of the account)'),
    port: port()
      .min(1)
      .optional()
      .describe('its port (default: what DNS says if `host` is not set, else 5222, or 5223 for `tls`)'),
    security: z
      .enum(['starttls', 'tls', 'none'])
      .default('starttls')
      .describe('TLS on request, from the first byte, or none: that only on the own machine'),
    ca: path().optional().describe('PEM file of the authorities to trust in place of the system’s'),
    connect_timeout: duration(100).default(30_000).describe('limit of the whole login'),
    request_timeout: duration(100).default(10_000).describe('limit of one question to the gateway or the server'),
    ping_interval: duration(1_000).default(240_000).describe('a silent connection is asked for a sign of life'),
    ping_timeout: duration(100).default(15_000).describe('and given up without an answer after'),
    backoff_base: duration(1).default(1_000).describe('ceiling of the first wait before a new connection; it doubles'),
    backoff_cap: duration(1).default(300_000).describe('ceiling that no wait exceeds'),
  })
  // A password in the clear goes no further than this machine.
  .refine(({ security, host }) => security !== 'none' || (host !== undefined && isLoopback(host)), {
    path: ['security'],
    message: 'none is only for a `host` on this machine, such as 127.0.0.1',
  });

const gatewayOptions = z.strictObject({
  jid: z
    .string()
    .regex(/^[^/\s]+$/, { error: 'must be a JID without resource' })
    .optional()
    .describe('the push service (default: found by service discovery on the account’s server)'),
  dialect: z
    .enum(['gultsch', 'legacy'])
    .optional()
    .describe('what is spoken with it (default: what it says it can; if it does not say, `gultsch`)'),
});

/** The section `distributor`: UnifiedPush for the apps of a Linux desktop. */
export const distributorOptions = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_]\w{0,62}$/, { error: 'must be letters, digits and _, 63 at most, not beginning with a digit' })
    .default('pushbridge')
    .describe('what stands behind `org.unifiedpush.Distributor.` on the bus; apps choose by it'),
  bus: z
    .string()
    .min(1)
    .optional()
    .describe('address of the bus (default: DBUS_SESSION_BUS_ADDRESS, else that of the running user)'),
  database: path()
    .optional()
    .describe('where registrations are kept (default: pushbridge/distributor.db in XDG_DATA_HOME, ~/.local/share)'),
  account: accountOptions.describe('the XMPP account of this device'),
  gateway: gatewayOptions.prefault({}).describe('the push service'),
  registrations_max: count(1, 100_000).default(1_000).describe('endpoints of all apps, at most'),
  registrations_per_app: count(1, 10_000).default(100).describe('endpoints of one app, at most'),
  require_vapid: z.boolean().default(false).describe('take only apps that name the key of their server'),
  sandboxed_only: z.boolean().default(false).describe('take only apps in a Flatpak sandbox'),
  renew_before: duration(60_000).default(86_400_000).describe('an endpoint is renewed so long before it ends'),
  refresh: duration(60_000)
    .default(86_400_000)
    .describe('an endpoint that does not end is asked for again so often, in case the service has forgotten it'),
  register_timeout: duration(100, 24_000)
    .default(20_000)
    .describe('how long an app waits for its endpoint; D-Bus itself gives up after 25s'),
  call_timeout: duration(100).default(20_000).describe('how long the bus may take to answer, and an app to start'),
});

export type DistributorOptions = z.infer<typeof distributorOptions>;
