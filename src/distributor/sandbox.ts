import { access } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether a process runs in a Flatpak sandbox: there, and only there, its root holds this file. [unifiedpush.md §2.4]
 * @param proc where the system shows its processes
 */
export async function isSandboxed(pid: number, proc: string): Promise<boolean> {
  try {
    await access(join(proc, String(pid), 'root', '.flatpak-info'));
    return true;
  } catch {
    return false;
  }
}
