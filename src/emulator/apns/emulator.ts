import { z } from '../../lib/schema.ts';
import { createCertificate } from '../certificate.ts';
import { faultBook } from '../http2/control.ts';
import { createHttp2ControlHttp } from '../http2/control-http.ts';
import type { Http2Emulator, Http2EmulatorDeps } from '../http2/emulator.ts';
import { assemble, certificateOf, createWorld } from '../http2/emulator.ts';
import { Listener } from '../http2/listener.ts';
import { ApnsControl } from './control.ts';
import type { ApnsEmulatorInput } from './options.ts';
import { apnsEmulatorOptions, apnsFaultPatch, apnsFaultShape } from './options.ts';
import type { ProviderKey } from './provider-keys.ts';
import { ProviderKeys } from './provider-keys.ts';
import { ApnsService } from './service.ts';

const DAY_MS = 86_400_000;

/** What providers log in with: a key for tokens, or a certificate. */
export interface ApnsCredentials extends ProviderKey {
  /** Client certificate and its key, PEM. */
  readonly certificate: { readonly cert: string; readonly key: string };
}

/** Time, chance and more, for those who bring their own. */
export interface ApnsEmulatorDeps extends Http2EmulatorDeps {
  /** The key that provider tokens are signed with, PKCS#8 PEM: for an emulator that comes back as the same. */
  readonly providerKey?: string;
}

/** An APNs server that runs, or is about to. */
export type ApnsEmulator = Http2Emulator<ApnsControl, ApnsCredentials>;

/**
 * An emulator of the provider API of APNs; it does nothing until it is started.
 * @param input as in a configuration file: durations are texts such as `20ms`
 * @throws if an option is not understood
 */
export function createApnsEmulator(input: ApnsEmulatorInput = {}, deps: ApnsEmulatorDeps = {}): ApnsEmulator {
  const options = apnsEmulatorOptions.parse(input);
  const { key_file, key_id, team_id, client_certificate_file } = options;
  const book = faultBook(apnsFaultShape, options, apnsFaultPatch.parse);
  const world = createWorld(options, book.initial, deps);
  const { log } = world;
  const keys = new ProviderKeys();
  const key = keys.add(key_id, team_id, deps.providerKey);
  const client = clientCertificate(options.topics[0] ?? 'com.example.app');
  const credentials: ApnsCredentials = { ...key, certificate: { cert: client.cert, key: client.key } };
  const certificate = certificateOf(options, deps);
  const service = new ApnsService(world, options, keys);
  const listener = new Listener(world, service, { certificate, http1: false, clientCa: client.ca });
  const control = new ApnsControl(world, listener.connections, book, keys);
  const http = createHttp2ControlHttp(control, world, {
    caPem: certificate.ca,
    patch: apnsFaultPatch,
    credentials: () => credentials,
  });
  http?.route({
    method: 'POST',
    path: '/keys',
    body: z.strictObject({ team_id: z.string().min(1).optional() }),
    handle: ({ body }) => ({ json: control.addKey(body.team_id) }),
  });
  return assemble({
    name: 'apns',
    options,
    log,
    caPem: certificate.ca,
    control,
    listener,
    http,
    credentials: () => credentials,
    files: () => [
      [key_file, key.key],
      [client_certificate_file, client.cert + client.key],
    ],
  });
}

function clientCertificate(topic: string) {
  const now = Date.now();
  return createCertificate({
    names: [topic],
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 30 * DAY_MS),
    usage: 'client',
  });
}
