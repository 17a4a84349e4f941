import { PUSH_SESSION } from '../core/index.ts';
import { keyProblem } from '../doors/app/index.ts';
import { sessionOf } from '../doors/ccs/index.ts';
import { isLoopback } from '../lib/loopback.ts';
import { nearest } from '../lib/nearest.ts';
import { secretProblem } from '../lib/secret-checker.ts';
import { categoriesOf, listensHttp } from './categories.ts';
import type { Path } from './problems.ts';
import { type Config, PROVIDER_NAME } from './schema.ts';

/** Says that what stands at `path` is wrong. */
export type Report = (path: Path, message: string) => void;

/**
 * What holds between values. A section that could not be read is absent: rules that need it have nothing to say.
 * @param names providers as they are named in the file, whether they could be read or not
 */
export function checkRules(config: Partial<Config>, names: readonly string[], report: Report): void {
  const rules = [providers, sessions, openSessions, ccsSenders, applications, endpoints, plainHttp, retries];
  for (const rule of rules) rule(config, report, names);
}

function providers({ doors }: Partial<Config>, report: Report, names: readonly string[]): void {
  // Endpoints of backends need none.
  if (names.length === 0 && !doors?.webpush) report(['providers'], 'needs at least one provider');
  for (const name of names) {
    if (!PROVIDER_NAME.test(name)) {
      report(['providers', name], 'is no name for a provider: a letter, then at most 62 letters, digits, "_" and "-"');
    }
  }
}

function sessions(config: Partial<Config>, report: Report, names: readonly string[]): void {
  if (config.sessions?.length === 0 && config.doors && !config.doors.ccs && !config.doors.webpush) {
    report(['sessions'], 'needs at least one session, or doors.ccs, or doors.webpush');
  }
  const ids = new Set<string>();
  for (const [index, { id, secret, providers: wanted = [] }] of (config.sessions ?? []).entries()) {
    if (ids.has(id)) report(['sessions', index, 'id'], 'is the id of an earlier session too');
    if (id === PUSH_SESSION) report(['sessions', index, 'id'], 'is what the bridge calls pushes; take another one');
    ids.add(id);
    const unusable = secret && secretProblem(secret);
    if (unusable) report(['sessions', index, 'secret'], unusable);
    for (const [position, name] of wanted.entries()) {
      const path = ['sessions', index, 'providers', position];
      const unknown = unknownProvider(name, names);
      if (unknown) report(path, unknown);
      else if (wanted.indexOf(name) < position) report(path, 'stands in this list twice');
    }
  }
}

function openSessions({ bal, sessions: all = [] }: Partial<Config>, report: Report): void {
  if (!bal || bal.allow_open_sessions || isLoopback(bal.host)) return;
  for (const [index, session] of all.entries()) {
    if (session.secret) continue;
    report(
      ['sessions', index],
      'has no secret although bal.host is reachable from other machines; give it one, or set bal.allow_open_sessions',
    );
  }
}

function unknownProvider(name: string, names: readonly string[]): string | undefined {
  if (names.includes(name)) return undefined;
  const meant = nearest(name, names);
  return `no such provider${meant ? `; did you mean ${meant}?` : ''}`;
}

function ccsSenders({ doors, sessions: others = [] }: Partial<Config>, report: Report, names: readonly string[]): void {
  const taken = new Set(others.map(({ id }) => id));
  const apps = new Map(others.map(({ id }) => [id, 'is the id of a session, which gets its upstream messages']));
  for (const [index, sender] of (doors?.ccs?.senders ?? []).entries()) {
    const path = ['doors', 'ccs', 'senders', index];
    const session = sessionOf(sender.id);
    if (taken.has(session))
      report([...path, 'id'], `is the id of an earlier sender too, or a session is called ${session}`);
    taken.add(session);
    const unusable = secretProblem(sender.key);
    if (unusable) report([...path, 'key'], unusable);
    const unknown = unknownProvider(sender.provider, names);
    if (unknown) report([...path, 'provider'], unknown);
    for (const [position, app] of sender.apps.entries()) {
      const why = apps.get(app);
      if (why) report([...path, 'apps', position], why);
      apps.set(app, 'is an app of this list or of an earlier sender too');
    }
  }
}

/** Endpoints need somebody who takes what is posted, under a URL that others find. */
function endpoints({ doors, http, providers = {} }: Partial<Config>, report: Report, names: readonly string[]): void {
  if (!doors || !http) return;
  if (doors.webpush && http.public_url === undefined) {
    report(['http', 'public_url'], 'is missing: endpoints of doors.webpush begin with it');
  }
  const sender = doors.webpush?.fcm?.provider;
  if (sender !== undefined && providers[sender] && providers[sender].type !== 'fcm') {
    report(['doors', 'webpush', 'fcm', 'provider'], 'is no provider of type fcm');
  }
  const unknown = sender === undefined ? undefined : unknownProvider(sender, names);
  if (unknown) report(['doors', 'webpush', 'fcm', 'provider'], unknown);
  if (doors.webpush && doors.webpush.receipt_wait_max >= http.answer_timeout) {
    report(['doors', 'webpush', 'receipt_wait_max'], 'must be less than http.answer_timeout');
  }
  for (const [name, { type }] of Object.entries(providers)) {
    if (type === 'xmpp' && !doors.webpush) {
      report(['providers', name], 'needs doors.webpush: nobody could post to its endpoints');
    }
  }
}

function applications(config: Partial<Config>, report: Report, names: readonly string[]): void {
  const { app } = config.doors ?? {};
  if (!app) return;
  if (names.includes('app')) report(['providers', 'app'], 'is the name of the door for apps; take another one');
  const known = categoriesOf(config);
  const ids = new Set<string>();
  for (const [index, { id, key, token }] of app.applications.entries()) {
    const path = ['doors', 'app', 'applications', index];
    const meant = nearest(id, known);
    if (config.sessions && !known.includes(id)) {
      report([...path, 'id'], `is no session and no app of a sender${meant ? `; did you mean ${meant}?` : ''}`);
    } else if (ids.has(id)) report([...path, 'id'], 'is the id of an earlier application too');
    ids.add(id);
    if (!key && !token) report(path, 'needs a key or a token: nobody could hand in anything');
    const unusable = key && keyProblem(key.reveal());
    if (unusable) report([...path, 'key'], unusable);
  }
}

function plainHttp(config: Partial<Config>, report: Report): void {
  const { http } = config;
  if (!http || !listensHttp(config) || http.tls || http.allow_plain || isLoopback(http.host)) return;
  report(
    ['http', 'host'],
    'is reachable from other machines, which would send their keys in clear; give http.tls, or set http.allow_plain',
  );
}

function retries({ retry }: Partial<Config>, report: Report): void {
  if (retry && retry.base > retry.cap) report(['retry', 'base'], 'must not exceed retry.cap');
}
