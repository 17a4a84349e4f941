import { count, path, secret, z } from '../../lib/schema.ts';

/** How tokens may be signed. `none` is no way. [RFC 7518 §3.1] */
export const TOKEN_ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const tokenOptions = z.strictObject({
  key: path().describe(
    'what tokens are checked with: a public key or certificate (PEM), a JWK or JWKS, or, with algorithms HS256 to HS512, a file that holds the shared secret',
  ),
  algorithms: z
    .array(z.enum(TOKEN_ALGORITHMS))
    .min(1)
    .optional()
    .describe('signatures that are taken (default: all that fit the key)'),
  audience: z.string().min(1).optional().describe('what `aud` must be (default: the id of the application)'),
  issuer: z.string().min(1).optional().describe('what `iss` must be (default: anything)'),
});

const applicationOptions = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(255)
    .describe('the category of its messages: the package of the app, which a session or a sender must have'),
  key: secret()
    .optional()
    .describe('what every device of the app may show as `Authorization: Bearer KEY`, at least 16 characters'),
  token: tokenOptions
    .optional()
    .describe('let in who shows a signed token (JWT) whose `sub` is the device and whose `aud` is the application'),
});

/** The door for apps: what they said over XMPP upstream, they say over HTTP. Absent: it is closed. */
export const appOptions = z.strictObject({
  applications: z
    .array(applicationOptions)
    .min(1)
    .describe('apps that may hand in messages; each needs a key or token'),
  rate: z
    .strictObject({
      per_minute: count(1, 1_000_000).default(60).describe('requests of one device in a minute'),
      burst: count(1, 1_000_000).default(60).describe('requests of one device at once, after a rest'),
    })
    .prefault({}),
  devices_max: count(1, 10_000_000)
    .default(100_000)
    .describe('devices whose rate is kept in mind; those that were silent longest are forgotten beyond'),
  max_bytes: count(1, 1_048_576).default(4_096).describe('largest sum of keys and values in data, in bytes'),
});

export type AppOptions = z.infer<typeof appOptions>;
export type ApplicationOptions = z.infer<typeof applicationOptions>;
export type TokenOptions = z.infer<typeof tokenOptions>;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];
