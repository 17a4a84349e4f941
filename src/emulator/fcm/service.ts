import { notFoundPage } from '../http2/interference.ts';
import type { Answer, Conversation, Request, RequestFault, Service } from '../http2/service.ts';
import { requestFaults } from '../http2/service.ts';
import type { World } from '../http2/world.ts';
import { arrived, misfortune } from '../http2/world.ts';
import type { Access } from './access.ts';
import { fcmCodes } from './codes.ts';
import type { FcmFaults } from './options.ts';
import { Quota } from './quota.ts';
import * as replies from './replies.ts';
import type { Problem } from './validate.ts';
import { readSend } from './validate.ts';

const BOOK = { codes: new Set<string>(fcmCodes), faults: new Set(requestFaults) };
const SEND = /^\/v1\/projects\/([^/?]{1,128})\/messages(?::|%3[Aa])send(?:\?.*)?$/;
const TOKEN_PATH = '/token';
/** What is left of the time to live, which is less in each attempt. [fcm.md §3.5] */
const TIME_LEFT = /"ttl"\s*:\s*"\d+s"|"TTL"\s*:\s*"\d+"/g;
/** What a message that is only validated is called. [fcm.md §3.2] */
const VALIDATED = 'fake_message_id';

/** Counts of FCM alone. */
export interface FcmCounters {
  /** Messages by the kind of their target. */
  targets: Record<replies.FcmTarget['kind'], number>;
  /** Messages that were only to be validated. */
  validateOnly: number;
  tokenRequests: number;
  tokensIssued: number;
}

export const newFcmCounters = (): FcmCounters => ({
  targets: { token: 0, topic: 0, condition: 0, fid: 0 },
  validateOnly: 0,
  tokenRequests: 0,
  tokensIssued: 0,
});

/** FCM HTTP v1 and the token endpoint beside it. All connections are the same to it. */
export class FcmService implements Service {
  counters = newFcmCounters();
  readonly #world: World<FcmFaults>;
  readonly #project: string;
  readonly #access: Access;
  readonly #tokenUri: () => string;
  readonly #quota: Quota;
  readonly #path: string;
  #ids: number;

  constructor(world: World<FcmFaults>, project: string, access: Access, tokenUri: () => string) {
    this.#world = world;
    this.#project = project;
    this.#access = access;
    this.#tokenUri = tokenUri;
    this.#quota = new Quota(world.clock);
    this.#path = `/v1/projects/${project}/messages:send`;
    // As after a restart of the service: ids never come again.
    this.#ids = world.clock.now() * 1_000;
  }

  converse(): Conversation {
    return (request) => this.#answer(request);
  }

  #answer(request: Request): Answer {
    const { method, path, headers } = request;
    if (method !== 'POST') return { reply: notFoundPage, code: 'NOT_FOUND' };
    if (path === TOKEN_PATH) return this.#grant(request.body);
    const project = path === this.#path ? this.#project : SEND.exec(path)?.[1];
    if (project === undefined) return { reply: notFoundPage, code: 'NOT_FOUND' };
    if (!this.#access.admits(headers.authorization)) return replies.unauthenticated();
    if (project !== this.#project) return replies.forbidden(project);
    return this.#send(request.body);
  }

  #grant(form: string): Answer {
    this.counters.tokenRequests++;
    const grant = this.#access.grant(form, this.#tokenUri());
    if ('error' in grant) {
      const { error, description } = grant;
      return { reply: replies.oauthReply(400, { error, error_description: description }), code: error };
    }
    this.counters.tokensIssued++;
    const { token, expiresInS } = grant;
    const body = { access_token: token, expires_in: expiresInS, token_type: 'Bearer' };
    return { reply: replies.oauthReply(200, body) };
  }

  #send(body: string): Answer {
    if (!this.#quota.take(this.#world.faults.quota_per_minute)) return replies.overQuota(this.#project);
    const read = readSend(body);
    const { target } = read;
    if (!target || target.name === '') {
      if (read.kind === 'misshapen') return replies.misshapen(read.violation);
      return problemReply(read.problem);
    }
    this.counters.targets[target.kind]++;
    if (read.kind === 'message' && read.validateOnly) this.counters.validateOnly++;
    const { name } = target;
    const magic = arrived(this.#world, name, body, BOOK, () => body.replaceAll(TIME_LEFT, '""'));
    if (magic?.do === 'nack') return { target: name, ...replies.refusalFor(magic.code, target, this.#project) };
    const fault: RequestFault | undefined = magic === undefined || magic.do === 'canonical' ? undefined : magic.do;
    if (magic === undefined) {
      if (read.kind === 'misshapen') return { target: name, ...replies.misshapen(read.violation) };
      if (read.problem) return { target: name, ...problemReply(read.problem) };
      const code = misfortune(this.#world, name);
      if (code !== undefined) return { target: name, ...replies.refusalFor(code, target, this.#project) };
    }
    const id = read.kind === 'message' && read.validateOnly ? VALIDATED : `0:${this.#ids++}`;
    return { target: name, reply: replies.accepted(this.#project, id), fault };
  }
}

function problemReply(problem: Problem | undefined): Answer {
  if (problem?.kind === 'invalid') return replies.invalid(problem.violation);
  return replies.tooBig();
}
