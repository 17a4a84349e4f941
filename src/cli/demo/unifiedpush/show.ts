import type { Clock } from '../../../lib/clock.ts';
import { reason } from '../../../lib/log.ts';
import { exitCodes, type Io } from '../../command.ts';
import { firstSignal } from '../../signals.ts';
import { AppServer } from './app-server.ts';
import { backendScene } from './backend-scene.ts';
import { Book } from './book.ts';
import { report } from './report.ts';
import { setStage } from './stage.ts';
import { stay } from './stay.ts';
import { Steps } from './steps.ts';
import { xmppScene } from './xmpp-scene.ts';

/** Lines about what went wrong, at most. */
const WRONGS_SHOWN = 20;

/**
 * Shows endpoints at work. Resolves with the exit code.
 * @param count pushes to each kind of endpoint
 * @param stays whether everything is left running until a signal comes
 */
export async function showUnifiedPush(count: number, stays: boolean, io: Io, clock: Clock): Promise<number> {
  const signal = firstSignal(io);
  const stage = await setStage(count, io.env.PATH, clock);
  const book = new Book();
  const sender = new AppServer(stage.ca, book, clock);
  const steps = new Steps(io, clock);
  const scene = { stage, steps, sender, book, clock, count };
  try {
    await steps.say(`bridge on ${stage.publicUrl}, BAL on port ${stage.app.balPort}, store in ${stage.folder}\n`);
    const started = clock.monotonic();
    const failures: string[] = [];
    try {
      await backendScene(scene);
      if (stage.prosody) await xmppScene(scene, stage.prosody);
      else await steps.say('Endpoints over XMPP: this part needs Prosody (Debian: apt-get install prosody)');
    } catch (error) {
      failures.push(reason(error));
    }
    const { text, wrongs } = report(book, sender, (clock.monotonic() - started) / 1_000);
    const all = [...failures, ...wrongs];
    await steps.say(`\n${text}\n`);
    for (const wrong of all.slice(0, WRONGS_SHOWN)) await steps.say(`wrong: ${wrong}`);
    await steps.say(all.length === 0 ? 'every push has become what it should, and the sums are right' : 'FAILED');
    if (stays) await stay(stage, steps, signal.came);
    return all.length === 0 ? exitCodes.ok : exitCodes.failed;
  } finally {
    sender.close();
    await stage.stop();
    signal.forget();
  }
}
