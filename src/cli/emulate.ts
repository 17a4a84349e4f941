import { loadSection, type Override } from '../config/index.ts';
import { createLog, logLevels } from '../lib/log.ts';
import { type Args, type Command, exitCodes, UsageError } from './command.ts';
import { address, writeText } from './output.ts';
import { firstSignal } from './signals.ts';
import { levelOf, pairOf } from './values.ts';

/** Flags with a key of their own. */
const SHORTCUTS: Readonly<Record<string, string>> = {
  host: 'host',
  port: 'port',
  'control-port': 'control_port',
  'ca-file': 'ca_file',
  latency: 'latency',
  'nack-rate': 'nack_rate',
};

export const emulate: Command = {
  name: 'emulate',
  summary: 'run an emulator of CCS, to develop and test against',
  details: [
    'A server that answers like the CCS of FCM and fails like it when told to. Its keys are those of the section `emulator` of the configuration; the rest of a file is not looked at.',
    'Its certificate is new at every start: --ca-file writes that of the authority, for `ca` of a provider.',
  ],
  options: {
    config: { type: 'string', short: 'c', value: 'FILE', help: 'take the section `emulator` of this file' },
    set: { type: 'string', multiple: true, value: 'KEY=VALUE', help: 'a key of that section, such as drop_after=100' },
    host: { type: 'string', value: 'HOST', help: 'address to listen on (default: 127.0.0.1)' },
    port: { type: 'string', value: 'PORT', help: 'port to listen on (default: 5235); 0 takes a free one' },
    'control-port': { type: 'string', value: 'PORT', help: 'control it over HTTP on this port; 0 takes a free one' },
    'ca-file': { type: 'string', value: 'FILE', help: 'write the certificate of its authority here' },
    sender: {
      type: 'string',
      multiple: true,
      value: 'ID=KEY',
      help: 'a sender that may log in, and its server key (default: anybody)',
    },
    latency: { type: 'string', value: 'TIME', help: 'every answer waits so long, such as 20ms' },
    'nack-rate': { type: 'string', value: 'SHARE', help: 'share of messages that are refused, from 0 to 1' },
    'log-level': { type: 'string', value: 'LEVEL', help: `${logLevels.join(', ')} (default: info)` },
  },
  examples: [
    { line: 'pushbridge emulate --ca-file ca.pem', meaning: 'listen on 127.0.0.1:5235 and let anybody in' },
    {
      line: 'pushbridge emulate --port 0 --control-port 0 --sender 1234=key --latency 20ms --nack-rate 0.1',
      meaning: 'one sender, slow answers, one message in ten refused, controlled over HTTP',
    },
    { line: 'pushbridge emulate --config dev.yaml --set drop_after=100', meaning: 'options from a file, and one more' },
  ],
  async run(args, io) {
    const file = args.text('config');
    const from = file === undefined ? ({ flags: true } as const) : { file };
    const options = loadSection('emulator', from, { env: io.env, overrides: overridesOf(args) });
    const log = createLog(levelOf(args, 'info'), 'pretty');
    const { createEmulator } = await import('../emulator/index.ts');
    const emulator = createEmulator(options, { log });
    const signal = firstSignal(io);
    try {
      await emulator.start();
      const control = emulator.controlPort;
      const parts = [
        `CCS on ${address(options.host ?? '127.0.0.1', emulator.port)}`,
        ...(control === undefined
          ? []
          : [`control on http://${address(options.control_host ?? '127.0.0.1', control)}`]),
        ...(options.ca_file === undefined ? [] : [`authority in ${options.ca_file}`]),
      ];
      await writeText(io.stdout, `emulator is ready: ${parts.join(', ')}\n`);
      await signal.came;
      await emulator.stop();
      return exitCodes.ok;
    } finally {
      signal.forget();
    }
  },
};

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
  const shortcuts = Object.entries(SHORTCUTS).flatMap(([name, key]): Override[] => {
    const value = args.text(name);
    return value === undefined ? [] : [{ key: `emulator.${key}`, value, flag: `--${name}` }];
  });
  return [...sets, ...senders, ...shortcuts];
}
