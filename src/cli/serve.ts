import type { App } from '../app.ts';
import type { Config } from '../config/index.ts';
import { type Command, exitCodes } from './command.ts';
import { configFlags, readConfig } from './config-flags.ts';
import { address, writeText } from './output.ts';
import { firstSignal } from './signals.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'run the bridge until SIGTERM or SIGINT',
  details: [
    'Prints one line with the addresses when it is ready. The first signal stops gracefully: no new work, what is in flight settles for at most stop_timeout, what is left is on disk. A second signal stops at once.',
  ],
  options: configFlags,
  examples: [
    { line: 'pushbridge serve --config pushbridge.yaml', meaning: 'run with a configuration' },
    {
      line: 'pushbridge serve --set bal.port=6000 --log-level debug',
      meaning: 'run with the configuration in this folder, one key changed, and say more',
    },
  ],
  async run(args, io) {
    const config = readConfig(args, io);
    const { createApp } = await import('../app.ts');
    const signal = firstSignal(io);
    try {
      const app = await createApp(config);
      // A signal while starting is minded as soon as there is something that can be stopped in order.
      await app.start();
      await writeText(io.stdout, ready(config, app));
      const failure = await Promise.race([signal.came.then(() => undefined), app.failed]);
      await app.stop(config.stop_timeout);
      if (failure) throw failure;
      return exitCodes.ok;
    } finally {
      signal.forget();
    }
  },
};

function ready({ bal, doors, admin, http }: Config, app: App): string {
  const open = [
    app.balPort > 0 ? `BAL on ${address(bal.host, app.balPort)}` : undefined,
    doors.ccs && `CCS on ${address(doors.ccs.host, app.ccsPort)}`,
    app.httpPort > 0 ? `HTTP on http${http.tls ? 's' : ''}://${address(http.host, app.httpPort)}` : undefined,
    `admin on http://${address(admin.host, app.adminPort)}`,
  ];
  return `pushbridge is ready: ${open.filter((one) => one !== undefined).join(', ')}\n`;
}
