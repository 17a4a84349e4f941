import type { Endpoints, Pushes } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  HttpError,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  retryAfter,
} from '../../protocols/http/index.ts';
import {
  cryptoKey,
  ENDPOINT_DISCOVERY,
  MATRIX_DISCOVERY,
  MATRIX_GATEWAY_PATH,
  PUSH_BODY_MAX,
  RECEIPT_RELATION,
  readAuthorization,
  readPrefer,
  readPushRequest,
  type TtlRules,
  VapidVerifier,
} from '../../protocols/webpush/index.ts';
import {
  cancelAbout,
  discoveryAbout,
  fcmAbout,
  matrixAbout,
  matrixDiscoveryAbout,
  pushAbout,
  receiptAbout,
} from './about.ts';
import { badRequest, refusalOf, unavailable } from './answers.ts';
import { FcmRewrite } from './fcm-rewrite.ts';
import type { Forward } from './forward.ts';
import { MatrixGateway } from './matrix.ts';
import { openPath } from './open-path.ts';
import type { WebPushOptions } from './options.ts';
import { Receipts } from './receipts.ts';
import { isPassing, Reception, TROUBLE_RETRY_MS } from './reception.ts';

/** The ways to an endpoint; the older ones have its token in the query. [unifiedpush.md §0] */
const ENDPOINT_PATHS = ['/push/:token', '/UP', '/message'] as const;
const MESSAGE_PATH = '/message/:id';
const RECEIPT_PATH = '/receipt/:id';
/** What ids of pushes look like. */
const ID = /^[\w-]{27}$/;
/** When it is worth another look at what is on its way. */
const ON_ITS_WAY_MS = 1_000;

type Server = Pick<HttpServer, 'route' | 'rawRoute'>;

export interface WebPushDoorDeps {
  readonly options: WebPushOptions;
  /** Where others find the listener: `http.public_url`. The Host of requests is not believed. */
  readonly publicUrl: string;
  readonly endpoints: Endpoints;
  readonly pushes: Pushes;
  readonly clock: Clock;
  /** For pushkeys of Matrix that are endpoints of others; without it they are rejected. */
  readonly forward?: Forward;
}

/** The door for Web Push and UnifiedPush: takes in what is posted to endpoints. [RFC 8030] */
export class WebPushDoor {
  readonly #deps: WebPushDoorDeps;
  readonly #ttl: TtlRules;
  readonly #reception: Reception;
  readonly #receipts: Receipts;

  constructor(deps: WebPushDoorDeps) {
    this.#deps = deps;
    const { options, publicUrl, pushes, clock } = deps;
    this.#ttl = {
      max: Math.floor(options.ttl_max / 1_000),
      ...(!options.ttl_required && { missing: Math.floor(options.ttl_default / 1_000) }),
    };
    const vapid = new VapidVerifier({ audience: new URL(publicUrl).origin, clock });
    this.#reception = new Reception({ ...deps, vapid });
    this.#receipts = new Receipts({
      pushes,
      clock,
      waitMaxMs: options.receipt_wait_max,
      waitersMax: options.receipt_waiters,
    });
  }

  /** Adds the routes of the door to a server that does not listen yet. */
  register(server: Server): void {
    for (const path of ENDPOINT_PATHS) this.#registerEndpoint(server, path);
    server.route({
      method: 'DELETE',
      path: MESSAGE_PATH,
      always: openPath(server, MESSAGE_PATH, ['DELETE']),
      about: cancelAbout,
      handle: ({ params }) => this.#cancel(params.id ?? ''),
    });
    server.route({
      method: 'GET',
      path: RECEIPT_PATH,
      always: openPath(server, RECEIPT_PATH, ['GET']),
      about: receiptAbout,
      handle: (request) => this.#receipt(request),
    });
    this.#registerMatrix(server);
    this.#registerFcm(server);
  }

  #registerEndpoint(server: Server, path: (typeof ENDPOINT_PATHS)[number]): void {
    const always = openPath(server, path, ['GET', 'POST']);
    const legacy = path !== '/push/:token';
    server.rawRoute({
      method: 'POST',
      path,
      always,
      about: pushAbout(legacy),
      bodyLimit: PUSH_BODY_MAX,
      handle: (request) => this.#push(request, legacy ? request.query.token : request.params.token),
    });
    server.route({ method: 'GET', path, always, about: discoveryAbout, handle: () => ({ json: ENDPOINT_DISCOVERY }) });
  }

  #registerFcm(server: Server): void {
    const { options, pushes, clock } = this.#deps;
    if (!options.fcm) return;
    const rewrite = new FcmRewrite({ options, provider: options.fcm.provider, ttl: this.#ttl, pushes, clock });
    const path = '/FCM';
    const always = openPath(server, path, ['GET', 'POST']);
    server.rawRoute({
      method: 'POST',
      path,
      always,
      about: fcmAbout,
      bodyLimit: PUSH_BODY_MAX,
      handle: (request) => rewrite.push(request),
    });
    server.route({ method: 'GET', path, always, about: discoveryAbout, handle: () => ({ json: ENDPOINT_DISCOVERY }) });
  }

  #registerMatrix(server: Server): void {
    const { options, publicUrl, clock, forward } = this.#deps;
    const { matrix } = options;
    if (!matrix) return;
    const gateway = new MatrixGateway({
      options: matrix,
      ttlMax: this.#ttl.max,
      reception: this.#reception,
      publicUrl,
      clock,
      ...(forward && { forward }),
    });
    const path = MATRIX_GATEWAY_PATH;
    const always = openPath(server, path, ['GET', 'POST'], (headers) => ({
      status: 405,
      headers,
      json: { errcode: 'M_UNRECOGNIZED', error: 'the gateway has GET and POST' },
    }));
    const about = matrixDiscoveryAbout;
    server.route({ method: 'GET', path, always, about, handle: () => ({ json: MATRIX_DISCOVERY }) });
    server.rawRoute({
      method: 'POST',
      path,
      always,
      about: matrixAbout,
      bodyLimit: matrix.body_limit,
      handle: (request) => gateway.notify(request),
    });
  }

  /** [RFC 8030 §5] */
  async #push(request: HttpRequest<Uint8Array>, token: string | readonly string[] | undefined): Promise<HttpReply> {
    const { body, lines, remoteAddress } = request;
    if (body.length === 0) throw badRequest(`the body must have 1 to ${PUSH_BODY_MAX} bytes`);
    const read = readPushRequest(lines, this.#ttl);
    if ('problem' in read) throw badRequest(read.problem);
    const authorization = readAuthorization(lines);
    // [RFC 8292 §3.2] A key that signs must not encrypt too. Newer encodings say it in the body, which nobody reads here.
    if (typeof authorization === 'object' && cryptoKey(lines('crypto-key'), 'dh') === authorization.key) {
      throw badRequest('Crypto-Key: dh must be another key than the one that signs');
    }
    const { headers, receipt } = read;
    const received = await this.#reception.receive({
      token: typeof token === 'string' ? token : undefined,
      remoteAddress,
      authorization,
      body,
      headers,
      receipt,
    });
    if (received.kind !== 'taken') throw refusalOf(received);
    const { publicUrl } = this.#deps;
    const answer = { location: `${publicUrl}/message/${received.id}`, ttl: String(headers.ttl) };
    if (!receipt) return { status: 201, headers: answer };
    const link = `<${publicUrl}/receipt/${received.id}>; rel="${RECEIPT_RELATION}"`;
    return { status: 202, headers: { ...answer, link } };
  }

  /** Whoever posted a push may take it back. What a device has, or nobody knows, is not there. */
  async #cancel(id: string): Promise<HttpReply> {
    const { pushes } = this.#deps;
    if (ID.test(id)) {
      if (await passing(pushes.cancel(id))) return {};
      if ((await passing(pushes.outcome(id))) === 'pending') {
        throw new HttpError(409, 'on_its_way', 'the push is on its way to the device', retryAfter(ON_ITS_WAY_MS));
      }
    }
    throw new HttpError(404, 'not_found', 'there is no such push');
  }

  /** [RFC 8030 §6.3] With an answer for each look instead of server push, which HTTP/1 does not have. */
  async #receipt(request: HttpRequest<undefined>): Promise<HttpReply> {
    const { params, lines } = request;
    const { id = '' } = params;
    if (!ID.test(id)) throw new HttpError(404, 'not_found', 'there is no such receipt');
    const { wait = 0 } = readPrefer(lines('prefer'));
    const state = await passing(this.#receipts.state(id, wait * 1_000, () => request.gone));
    if (state === 'over') throw new HttpError(410, 'gone', 'the push was not delivered, or long ago');
    return state === 'delivered' ? {} : { status: 202, headers: retryAfter(TROUBLE_RETRY_MS) };
  }
}

/** The result of a question to the store; trouble of it that passes is no fault. */
async function passing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isPassing(error)) throw unavailable(TROUBLE_RETRY_MS);
    throw error;
  }
}
