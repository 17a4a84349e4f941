import { homedir } from 'node:os';
import { join } from 'node:path';
import { names } from './names.ts';

/** A file that belongs to an installation. */
export interface InstalledFile {
  readonly path: string;
  readonly text: string;
}

/** The first line of every file that is written here: what begins otherwise is somebody else's. */
export const MARK = '# Written by pushbridge distributor install';

/**
 * The files that make the desktop start the distributor: a systemd user unit, and a D-Bus service file, by which the bus
 * starts it when an app calls. [systemd.unit(5), D-Bus specification, Message Bus Starting Services]
 * @param name the suffix of the bus name
 * @param command the program and its arguments
 */
export function installedFiles(
  name: string,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly unit: string; readonly files: readonly InstalledFile[] } {
  const { HOME = homedir(), XDG_CONFIG_HOME, XDG_DATA_HOME } = env;
  const busName = `${names.distributor.prefix}${name}`;
  const unit = name === 'pushbridge' ? 'pushbridge-distributor.service' : `pushbridge-distributor-${name}.service`;
  const config = XDG_CONFIG_HOME || join(HOME, '.config');
  const data = XDG_DATA_HOME || join(HOME, '.local', 'share');
  return {
    unit,
    files: [
      { path: join(config, 'systemd', 'user', unit), text: unitText(busName, command) },
      { path: join(data, 'dbus-1', 'services', `${busName}.service`), text: serviceText(busName, unit, command) },
    ],
  };
}

function unitText(busName: string, command: readonly string[]): string {
  return [
    MARK,
    '[Unit]',
    'Description=UnifiedPush distributor of pushbridge',
    '',
    '[Service]',
    'Type=dbus',
    `BusName=${busName}`,
    `ExecStart=${command.map(forSystemd).join(' ')}`,
    'Restart=on-failure',
    'RestartSec=5',
    '# The configuration is wrong: another start would not mend it.',
    'RestartPreventExitStatus=2',
    'NoNewPrivileges=yes',
    'UMask=0077',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ].join('\n');
}

function serviceText(busName: string, unit: string, command: readonly string[]): string {
  return [
    MARK,
    '[D-BUS Service]',
    `Name=${busName}`,
    `Exec=${command.map(forBus).join(' ')}`,
    `SystemdService=${unit}`,
    '',
  ].join('\n');
}

/** [systemd.service(5), Command lines] */
const forSystemd = (word: string): string =>
  `"${word.replace(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** Quoted as for a shell, which is how the bus takes it apart once it has read the value, where a backslash escapes. */
const forBus = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`.replaceAll('\\', '\\\\');
