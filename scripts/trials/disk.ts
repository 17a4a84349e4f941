import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A disk for a store that can run full or turn read-only under it. Which means were found is said in `how`. */
export interface Disk {
  readonly folder: string;
  readonly how: string;
  /** The limit is one of the process, and ends with it. */
  readonly ofProcess: boolean;
  /** From now on the process finds no room, or can't write at all. */
  fill(pid: number): void;
  /** All is well again. */
  free(pid: number): void;
  end(): void;
}

const SIZE = '48m';
const CHUNK = Buffer.alloc(64 * 1024);

function attempt(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A small tmpfs that is filled to the last byte; for those who may not mount, a limit of 0 bytes on what the bridge writes. */
export function smallDisk(folder: string): Disk {
  const filler = join(folder, 'filler');
  mkdirSync(folder, { recursive: true });
  if (!attempt('mount', '-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'tmpfs', folder)) return limitedDisk(folder);
  return {
    folder,
    ofProcess: false,
    how: `a tmpfs of ${SIZE}, filled to the last byte`,
    fill() {
      const file = openSync(filler, 'a');
      try {
        for (let size = CHUNK.length; size >= 1; ) {
          try {
            writeSync(file, CHUNK, 0, size);
          } catch {
            size = Math.floor(size / 8);
          }
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    end: () => void attempt('umount', '--lazy', folder),
  };
}

/** [setrlimit(2)] RLIMIT_FSIZE of the running process is set to 0: every write to a file fails, by EFBIG. */
function limitedDisk(folder: string): Disk {
  const limit = (pid: number, bytes: string) => attempt('prlimit', '--pid', String(pid), `--fsize=${bytes}:unlimited`);
  return {
    folder,
    ofProcess: true,
    how: 'RLIMIT_FSIZE of the bridge set to 0, because mounting is not permitted',
    fill: (pid) => void limit(pid, '0'),
    free: (pid) => void limit(pid, 'unlimited'),
    end() {},
  };
}

/** Files that turn immutable while they are open; for those who may not do that, the limit of {@link smallDisk}. */
export function freezingDisk(folder: string, path: string): Disk {
  mkdirSync(folder, { recursive: true });
  const files = (): string[] => [path, `${path}-wal`].filter((file) => existsSync(file));
  const probe = join(folder, 'probe');
  closeSync(openSync(probe, 'w'));
  const able = attempt('chattr', '+i', probe) && attempt('chattr', '-i', probe);
  rmSync(probe);
  if (!able) return limitedDisk(folder);
  return {
    folder,
    ofProcess: false,
    how: 'the files of the store made immutable (chattr +i) while they are open',
    fill: () => void attempt('chattr', '+i', ...files()),
    free: () => void attempt('chattr', '-i', ...files()),
    end: () => void attempt('chattr', '-i', ...files()),
  };
}

/** Makes the store in a folder read-only for a bridge that is yet to start. Undefined if there is no honest way here. */
export function readOnly(folder: string, path: string): { readonly how: string; undo(): void } | undefined {
  if (attempt('mount', '-o', 'remount,ro', folder)) {
    return { how: 'its file system mounted read-only', undo: () => void attempt('mount', '-o', 'remount,rw', folder) };
  }
  if (process.getuid?.() === 0) return undefined; // modes are nothing to root
  execFileSync('chmod', ['0555', folder]);
  execFileSync('chmod', ['0444', path]);
  return {
    how: 'its files and its folder without the right to write',
    undo() {
      execFileSync('chmod', ['0755', folder]);
      execFileSync('chmod', ['0644', path]);
    },
  };
}
