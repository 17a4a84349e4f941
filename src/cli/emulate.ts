import { loadSection, type Override, type Written } from '../config/index.ts';
import { createLog, type Log, logLevels } from '../lib/log.ts';
import { type Args, type Command, exitCodes, UsageError } from './command.ts';
import { address, writeText } from './output.ts';
import { firstSignal } from './signals.ts';
import { levelOf, pairOf } from './values.ts';

/** Flags with a key of their own, and the emulator that they are for. */
const SHORTCUTS: Readonly<Record<string, { readonly key: string; readonly of: Kind }>> = {
  host: { key: 'host', of: 'ccs' },
  port: { key: 'port', of: 'ccs' },
  'control-port': { key: 'control_port', of: 'ccs' },
  'ca-file': { key: 'ca_file', of: 'ccs' },
  latency: { key: 'latency', of: 'ccs' },
  'nack-rate': { key: 'nack_rate', of: 'ccs' },
  'fcm-port': { key: 'fcm.port', of: 'fcm' },
  'fcm-ca-file': { key: 'fcm.ca_file', of: 'fcm' },
  'credentials-file': { key: 'fcm.credentials_file', of: 'fcm' },
  'apns-port': { key: 'apns.port', of: 'apns' },
  'apns-ca-file': { key: 'apns.ca_file', of: 'apns' },
  'key-file': { key: 'apns.key_file', of: 'apns' },
};

const KINDS = ['ccs', 'fcm', 'apns'] as const;
type Kind = (typeof KINDS)[number];

/** An emulator that has been made, and how it says where it is when it runs. */
interface Made {
  readonly emulator: { start(): Promise<void>; stop(): Promise<void> };
  readonly ready: () => string;
}

export const emulate: Command = {
  name: 'emulate',
  summary: 'run emulators of CCS, FCM and APNs, to develop and test against',
  details: [
    'Servers that answer like the CCS of FCM, like FCM HTTP v1 and like APNs, and fail like them when told to. Without --ccs, --fcm and --apns it is CCS alone. The keys are those of the section `emulator` of the configuration, for the others below `emulator.fcm` and `emulator.apns`; the rest of a file is not looked at.',
    'Certificates are new at every start: --ca-file writes that of the authority, for `ca` of a provider. Each emulator has its own.',
  ],
  options: {
    config: { type: 'string', short: 'c', value: 'FILE', help: 'take the section `emulator` of this file' },
    set: {
      type: 'string',
      multiple: true,
      value: 'KEY=VALUE',
      help: 'a key of that section, such as drop_after=100 or fcm.latency=20ms',
    },
    ccs: { type: 'boolean', help: 'run CCS' },
    fcm: { type: 'boolean', help: 'run FCM HTTP v1' },
    apns: { type: 'boolean', help: 'run APNs' },
    host: { type: 'string', value: 'HOST', help: 'address of CCS to listen on (default: 127.0.0.1)' },
    port: { type: 'string', value: 'PORT', help: 'port of CCS to listen on (default: 5235); 0 takes a free one' },
    'control-port': { type: 'string', value: 'PORT', help: 'control CCS over HTTP on this port; 0 takes a free one' },
    'ca-file': { type: 'string', value: 'FILE', help: 'write the certificate of the authority of CCS here' },
    sender: {
      type: 'string',
      multiple: true,
      value: 'ID=KEY',
      help: 'a sender that may log in, and its server key (default: anybody)',
    },
    latency: { type: 'string', value: 'TIME', help: 'every answer waits so long, such as 20ms' },
    'nack-rate': { type: 'string', value: 'SHARE', help: 'share of messages that are refused, from 0 to 1' },
    'fcm-port': { type: 'string', value: 'PORT', help: 'the same as --set fcm.port=PORT (default: 5237)' },
    'fcm-ca-file': { type: 'string', value: 'FILE', help: 'the same as --set fcm.ca_file=FILE' },
    'credentials-file': { type: 'string', value: 'FILE', help: 'write the service account for FCM here, JSON' },
    'apns-port': { type: 'string', value: 'PORT', help: 'the same as --set apns.port=PORT (default: 2197)' },
    'apns-ca-file': { type: 'string', value: 'FILE', help: 'the same as --set apns.ca_file=FILE' },
    'key-file': { type: 'string', value: 'FILE', help: 'write the key for APNs here, PEM as in a .p8 file' },
    'log-level': { type: 'string', value: 'LEVEL', help: `${logLevels.join(', ')} (default: info)` },
  },
  examples: [
    { line: 'pushbridge emulate --ca-file ca.pem', meaning: 'listen on 127.0.0.1:5235 and let anybody in' },
    {
      line: 'pushbridge emulate --port 0 --control-port 0 --sender 1234=key --latency 20ms --nack-rate 0.1',
      meaning: 'one sender, slow answers, one message in ten refused, controlled over HTTP',
    },
    {
      line: 'pushbridge emulate --fcm --credentials-file account.json --apns --key-file key.p8',
      meaning: 'FCM HTTP v1 and APNs, and what a provider logs in with',
    },
    { line: 'pushbridge emulate --config dev.yaml --set drop_after=100', meaning: 'options from a file, and one more' },
  ],
  async run(args, io) {
    const kinds = kindsOf(args);
    const file = args.text('config');
    const from = file === undefined ? ({ flags: true } as const) : { file };
    const options = loadSection('emulator', from, { env: io.env, overrides: overridesOf(args) });
    const log = createLog(levelOf(args, 'info'), 'pretty');
    const made = await make(kinds, options, log);
    const signal = firstSignal(io);
    try {
      for (const { emulator } of made) await emulator.start();
      await writeText(io.stdout, `emulator is ready: ${made.map(({ ready }) => ready()).join('; ')}\n`);
      await signal.came;
      return exitCodes.ok;
    } finally {
      for (const { emulator } of made) await emulator.stop();
      signal.forget();
    }
  },
};

/** The emulators that are asked for. @throws UsageError for a flag of one that is not */
function kindsOf(args: Args): readonly Kind[] {
  const named = KINDS.filter((kind) => args.flag(kind));
  const kinds: readonly Kind[] = named.length === 0 ? ['ccs'] : named;
  for (const [name, { of }] of [...Object.entries(SHORTCUTS), ['sender', { of: 'ccs' }] as const]) {
    if (args.flag(name) && !kinds.includes(of)) throw new UsageError(`--${name} needs --${of}`);
  }
  return kinds;
}

async function make(kinds: readonly Kind[], options: Written<'emulator'>, log: Log): Promise<Made[]> {
  const { fcm = {}, apns = {}, ...ccs } = options;
  const { createApnsEmulator, createEmulator, createFcmEmulator } = await import('../emulator/index.ts');
  const makers: Readonly<Record<Kind, () => Made>> = {
    ccs() {
      const emulator = createEmulator(ccs, { log });
      return { emulator, ready: () => place('CCS on ', emulator, ccs) };
    },
    fcm() {
      const emulator = createFcmEmulator(fcm, { log });
      const { credentials_file: file } = fcm;
      return {
        emulator,
        ready: () => place('FCM on https://', emulator, fcm, file === undefined ? [] : [`credentials in ${file}`]),
      };
    },
    apns() {
      const emulator = createApnsEmulator(apns, { log });
      const { key_id, team_id } = emulator.credentials;
      const { key_file: file, client_certificate_file: client } = apns;
      const key = `key ${key_id} of team ${team_id}${file === undefined ? '' : ` in ${file}`}`;
      const files = client === undefined ? [key] : [key, `client certificate in ${client}`];
      return { emulator, ready: () => place('APNs on https://', emulator, apns, files) };
    },
  };
  return kinds.map((kind) => makers[kind]());
}

/** Where an emulator is, and what else there is to know of it. */
function place(
  what: string,
  { port, controlPort }: { readonly port: number; readonly controlPort: number | undefined },
  { host = '127.0.0.1', control_host = '127.0.0.1', ca_file }: Place,
  files: readonly string[] = [],
): string {
  const parts = [
    `${what}${address(host, port)}`,
    ...(controlPort === undefined ? [] : [`control on http://${address(control_host, controlPort)}`]),
    ...(ca_file === undefined ? [] : [`authority in ${ca_file}`]),
    ...files,
  ];
  return parts.join(', ');
}

interface Place {
  readonly host?: string | undefined;
  readonly control_host?: string | undefined;
  readonly ca_file?: string | undefined;
}

function overridesOf(args: Args): Override[] {
  const sets = args.list('set').map((text): Override => {
    const [key, value] = pairOf('--set', text, 'KEY=VALUE');
    return { key: `emulator.${key.replace(/^emulator\./, '')}`, value, flag: '--set' };
  });
  const senders = args.list('sender').map((text): Override => {
    const [id, key] = pairOf('--sender', text, 'ID=KEY');
    if (!/^[^.[\]]+$/.test(id)) throw new UsageError('--sender: an id has no dots and brackets');
    return { key: `emulator.senders.${id}`, value: key, flag: '--sender' };
  });
  const shortcuts = Object.entries(SHORTCUTS).flatMap(([name, { key }]): Override[] => {
    const value = args.text(name);
    return value === undefined ? [] : [{ key: `emulator.${key}`, value, flag: `--${name}` }];
  });
  return [...sets, ...senders, ...shortcuts];
}
