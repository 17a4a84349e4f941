import { emptied } from '../control-http.ts';
import { faultBook } from '../http2/control.ts';
import { createHttp2ControlHttp } from '../http2/control-http.ts';
import type { Http2Emulator, Http2EmulatorDeps } from '../http2/emulator.ts';
import { assemble, certificateOf, createWorld } from '../http2/emulator.ts';
import { Listener } from '../http2/listener.ts';
import type { ServiceAccount } from './access.ts';
import { Access, generateServiceKey } from './access.ts';
import { FcmControl } from './control.ts';
import type { FcmEmulatorInput } from './options.ts';
import { fcmEmulatorOptions, fcmFaultPatch, fcmFaultShape } from './options.ts';
import { FcmService } from './service.ts';

/** Time, chance and more, for those who bring their own. */
export interface FcmEmulatorDeps extends Http2EmulatorDeps {
  /** The key of the service account, PKCS#8 PEM of an RSA key: to make one takes a moment. */
  readonly serviceKey?: string;
}

/** An FCM HTTP v1 server that runs, or is about to. */
export type FcmEmulator = Http2Emulator<FcmControl, ServiceAccount>;

/**
 * An emulator of FCM HTTP v1 and of the token endpoint of Google; it does nothing until it is started. The `token_uri` of its
 * credentials names its port, which is known from then on.
 * @param input as in a configuration file: durations are texts such as `20ms`
 * @throws if an option is not understood
 */
export function createFcmEmulator(input: FcmEmulatorInput = {}, deps: FcmEmulatorDeps = {}): FcmEmulator {
  const options = fcmEmulatorOptions.parse(input);
  const { project, host, credentials_file, token_lifetime } = options;
  const book = faultBook(fcmFaultShape, options, fcmFaultPatch.parse);
  const world = createWorld(options, book.initial, deps);
  const { clock, log } = world;
  const access = new Access(project, deps.serviceKey ?? generateServiceKey(), token_lifetime, clock);
  const tokenUri = (): string => `https://${reachable(host)}:${listener.port}/token`;
  const service = new FcmService(world, project, access, tokenUri);
  const certificate = certificateOf(options, deps);
  const listener = new Listener(world, service, { certificate, http1: true, clientCa: undefined });
  const control = new FcmControl(world, listener.connections, book, service, access);
  const credentials = (): ServiceAccount => access.account(project, tokenUri());
  const http = createHttp2ControlHttp(control, world, { caPem: certificate.ca, patch: fcmFaultPatch, credentials });
  http?.route({ method: 'POST', path: '/expire-tokens', handle: () => emptied(() => control.expireTokens()) });
  return assemble({
    name: 'fcm',
    options,
    log,
    caPem: certificate.ca,
    control,
    listener,
    http,
    credentials,
    files: () => [[credentials_file, `${JSON.stringify(credentials(), undefined, 2)}\n`]],
  });
}

/** A name that the certificate is for. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
