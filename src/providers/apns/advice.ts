/** What an operator should look at when a reason holds the queue: keys of the provider in the configuration, mostly. */
const ADVICE: Readonly<Record<string, string>> = {
  TopicDisallowed: 'see topic, which key or certificate must be for',
  ExpiredProviderToken: 'see the clock of this machine',
  InvalidProviderToken: 'see key, key_id and team_id',
  MissingProviderToken: 'see certificate, which is not taken',
  BadCertificate: 'see certificate',
  BadCertificateEnvironment: 'see environment and certificate',
  Forbidden: 'see whether key or certificate have been revoked',
  BadEnvironmentKeyInToken: 'see environment and key',
  BadEnvironmentKeyIdInToken: 'see environment and key_id',
  UnrelatedKeyIdInToken: 'see key_id',
  TooManyProviderTokenUpdates: 'see whether the bridge is started again and again',
};
const STRANGERS_ADVICE = 'no answer of APNs, see url and what stands in between';

/**
 * @param held the queue is held because of such an answer
 * @returns undefined if there is nothing to look at
 */
export function adviceOf(reason: string | undefined, held: boolean): string | undefined {
  if (reason !== undefined) return Object.hasOwn(ADVICE, reason) ? ADVICE[reason] : undefined;
  return held ? STRANGERS_ADVICE : undefined;
}
