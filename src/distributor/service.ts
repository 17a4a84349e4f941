import type { Log } from '../lib/log.ts';
import { type Bus, type BusAnswer, type BusHandler, busErrors, type IncomingCall, variantMap } from './bus.ts';
import type { Connectors } from './connectors.ts';
import { introspect } from './introspection.ts';
import { names, type Version } from './names.ts';
import type { News } from './news.ts';
import type { Refusal, RegisterOutcome, Registrar } from './registrar.ts';
import { type RegisterRequest, readRegister, readUnregister } from './requests.ts';

export interface ServiceDeps {
  readonly log: Log;
  readonly bus: Bus;
  readonly registrar: Registrar;
  readonly connectors: Connectors;
  readonly news: News;
  /** Whether a process runs in a sandbox. */
  readonly sandboxed: (pid: number) => Promise<boolean>;
  /** Milliseconds that the bus may take to answer. */
  readonly callMs: number;
  readonly requireVapid: boolean;
  readonly sandboxedOnly: boolean;
}

const NOTHING: BusAnswer = { signature: '', body: [] };

/** The object that apps call: both versions of the interface, and what describes them. */
export class Service implements Pick<BusHandler, 'onCall' | 'onAnswered'> {
  readonly #deps: ServiceDeps;
  /** What an app is told right after its answer. */
  readonly #next = new WeakMap<IncomingCall, () => Promise<unknown>>();

  /** Registers whose caller is being looked at, by token: an Unregister that follows is for what becomes of it. */
  readonly #checking = new Map<string, Promise<unknown>>();

  constructor(deps: ServiceDeps) {
    this.#deps = deps;
  }

  onCall(call: IncomingCall): BusAnswer | Promise<BusAnswer> {
    const { path, interface: face, member } = call;
    if (face === names.introspectable && member === 'Introspect') {
      const xml = introspect(path);
      if (xml !== undefined) return { signature: 's', body: [xml] };
    }
    if (face === names.peer && member === 'Ping') return NOTHING;
    if (path !== names.distributor.path) return { error: busErrors.unknownObject, message: `there is no ${path}` };
    const version = face === names.distributor.v1 ? 1 : face === names.distributor.v2 ? 2 : undefined;
    if (version === undefined) return { error: busErrors.unknownInterface, message: `no interface "${face}" here` };
    if (member === 'Register') return this.#register(version, call);
    if (member === 'Unregister') return this.#unregister(version, call);
    return { error: busErrors.unknownMethod, message: `no method ${member}` };
  }

  onAnswered(call: IncomingCall): void {
    const next = this.#next.get(call);
    next?.().catch((error: unknown) => this.#deps.log.error('app not told', { error: String(error) }));
  }

  async #register(version: Version, call: IncomingCall): Promise<BusAnswer> {
    const request = readRegister(version, call);
    if ('problem' in request) return { error: busErrors.invalidArgs, message: request.problem };
    const outcome = await this.#decide(request, call.sender);
    if (outcome.kind === 'refused') return registerAnswer(version, outcome.reason);
    const { registration } = outcome;
    // After the first success, and each time that an app asks for what it has. [unifiedpush.md §2.4]
    this.#next.set(call, () => this.#deps.news.tell(registration));
    return registerAnswer(version);
  }

  async #decide(request: RegisterRequest, sender: string): Promise<RegisterOutcome> {
    const { bus, registrar, callMs } = this.#deps;
    const { token, app } = request;
    const check = Promise.all([this.#objection(request, sender), bus.activatable(callMs)]);
    this.#checking.set(token, check);
    try {
      const [objection, activatable] = await check;
      if (objection) return { kind: 'refused', reason: objection };
      return registrar.register(request, activatable.has(app));
    } finally {
      if (this.#checking.get(token) === check) this.#checking.delete(token);
    }
  }

  async #objection(request: RegisterRequest, sender: string): Promise<Refusal | undefined> {
    const { bus, callMs, requireVapid, sandboxedOnly, sandboxed } = this.#deps;
    if (!(await this.#speaksFor(sender, request.app))) return 'UNAUTHORIZED';
    if (sandboxedOnly && !(await sandboxed(await bus.processOf(sender, callMs)))) return 'UNAUTHORIZED';
    return requireVapid && request.vapid === undefined ? 'VAPID_REQUIRED' : undefined;
  }

  async #unregister(version: Version, call: IncomingCall): Promise<BusAnswer> {
    const token = readUnregister(version, call);
    if (typeof token !== 'string') return { error: busErrors.invalidArgs, message: token.problem };
    const { registrar, connectors } = this.#deps;
    const answer = version === 1 ? NOTHING : variantMap({});
    await this.#checking.get(token)?.catch(() => {});
    const app = registrar.appOf(token);
    // Somebody else's token is an unknown one: who guesses learns nothing.
    if (app === undefined || !(await this.#speaksFor(call.sender, app))) return answer;
    const ended = registrar.unregister(token);
    if (ended) this.#next.set(call, () => connectors.unregistered({ ...ended, version }, true));
    return answer;
  }

  /** While an app is on the bus, nobody else speaks for it. */
  async #speaksFor(sender: string, app: string): Promise<boolean> {
    const { bus, callMs, log } = this.#deps;
    const owner = await bus.ownerOf(app, callMs);
    if (owner === undefined || owner === sender) return true;
    log.warn('somebody else speaks for an app', { app, sender });
    return false;
  }
}

/** [unifiedpush.md §2.3, §2.4] */
function registerAnswer(version: Version, reason?: Refusal): BusAnswer {
  const success = reason === undefined ? 'REGISTRATION_SUCCEEDED' : 'REGISTRATION_FAILED';
  if (version === 1) return { signature: 'ss', body: [success, reason ?? ''] };
  return variantMap({ success, ...(reason !== undefined && { reason }) });
}
