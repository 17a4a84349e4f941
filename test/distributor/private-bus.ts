import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const CONNECTOR = fileURLToPath(new URL('connector.py', import.meta.url));
/** Debian's own, which has python3-dbus and python3-gi. */
const PYTHON = '/usr/bin/python3';

/** Runs a program until standard input ends: whatever becomes of the test, its bus does not outlive it. */
const LEASH = 'exec 3<&0; "$0" "$@" </dev/null & bus=$!; { read -r _ <&3; kill "$bus"; } & wait "$bus"';

/** What an app was called with, or what became of a call of its own. */
export interface Heard {
  readonly event: 'ready' | 'called' | 'answered' | 'failed';
  readonly unique?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly signature?: string;
  readonly noReply?: boolean;
  readonly args?: readonly unknown[];
  readonly number?: number;
  readonly error?: string;
  readonly text?: string;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Lines of JSON that a child prints, as they come. */
class Lines {
  readonly #kept: Heard[] = [];
  #change = Promise.withResolvers<void>();

  constructor(child: Child) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#kept.push(JSON.parse(line) as Heard);
      this.#changed();
    });
  }

  /** The first one that fits, taken out; what came before it stays. */
  async take(fits: (one: Heard) => boolean): Promise<Heard> {
    for (;;) {
      const at = this.#kept.findIndex(fits);
      const [found] = at < 0 ? [] : this.#kept.splice(at, 1);
      if (found) return found;
      await this.#change.promise;
    }
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  get all(): readonly Heard[] {
    return this.#kept;
  }
}

/** An app on the bus, in a process of its own, on another D-Bus implementation than ours. */
export class App {
  readonly #child: Child;
  readonly #lines: Lines;
  #number = 0;

  private constructor(child: Child) {
    this.#child = child;
    this.#lines = new Lines(child);
  }

  static async start(address: string, name: string): Promise<App> {
    const child = spawn(PYTHON, [CONNECTOR, name], {
      env: { PATH: process.env.PATH, DBUS_SESSION_BUS_ADDRESS: address },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const app = new App(child);
    await app.#lines.take(({ event }) => event === 'ready');
    return app;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Calls a method; resolves with its answer or its error. */
  call(call: Omit<Order, 'number'>): Promise<Heard> {
    const number = ++this.#number;
    this.#child.stdin.write(`${JSON.stringify({ ...call, number } satisfies Order)}\n`);
    return this.#lines.take((one) => one.number === number);
  }

  /** The next call of this method that came in. */
  called(member: string): Promise<Heard> {
    return this.#lines.take((one) => one.event === 'called' && one.member === member);
  }

  /** What came in and was not taken, in its order. */
  get rest(): readonly Heard[] {
    return this.#lines.all;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }
}

interface Order {
  readonly number: number;
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature: string;
  readonly args: readonly unknown[];
}

/** A message bus of its own, with a folder of services that it can start. */
export class PrivateBus {
  readonly folder: string;
  readonly address: string;
  readonly #daemon: Child;
  readonly #apps: App[] = [];

  private constructor(folder: string, address: string, daemon: Child) {
    this.folder = folder;
    this.address = address;
    this.#daemon = daemon;
  }

  /** @param listen the address to listen on; by default a socket in its folder */
  static async start(listen?: (folder: string) => string): Promise<PrivateBus> {
    const folder = mkdtempSync(join(tmpdir(), 'pushbridge-bus-'));
    mkdirSync(join(folder, 'services'));
    const config = join(folder, 'bus.conf');
    writeFileSync(
      config,
      `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${listen?.(folder) ?? `unix:path=${join(folder, 'bus')}`}</listen>
  <servicedir>${join(folder, 'services')}</servicedir>
  <policy context="default">
    <allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
`,
    );
    const daemon = spawn(
      '/bin/sh',
      ['-c', LEASH, 'dbus-daemon', `--config-file=${config}`, '--nofork', '--print-address=1'],
      {
        // It complains that it may not raise a limit.
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    const [line] = (await once(createInterface({ input: daemon.stdout }), 'line')) as [string];
    return new PrivateBus(folder, line, daemon);
  }

  async app(name: string): Promise<App> {
    const app = await App.start(this.address, name);
    this.#apps.push(app);
    return app;
  }

  /**
   * Lets the bus start an app of this name; what it hears goes to the returned file.
   * @param taken the name that it takes; "-" for an app that is never ready
   */
  install(name: string, taken = name): { readonly heard: string; readonly file: string } {
    const heard = join(this.folder, `${name}.heard`);
    const file = join(this.folder, 'services', `${name}.service`);
    writeFileSync(file, `[D-BUS Service]\nName=${name}\nExec=${PYTHON} ${CONNECTOR} ${taken} ${heard}\n`);
    return { heard, file };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.stop()));
    const gone = once(this.#daemon, 'exit');
    this.#daemon.stdin.end();
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
