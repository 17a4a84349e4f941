import { join } from 'node:path';
import { between, pause } from './chance.ts';
import { type Disk, freezingDisk, readOnly, smallDisk } from './disk.ts';
import { onStage, type Stage } from './stage.ts';
import { finish, hasStackTrace, type Trial, type TrialOptions, tail } from './trial.ts';

/** How long the state may take to show, and the recovery to come about by itself. */
const SHOWN_MS = 30_000;
/** How long the trouble lasts at most. */
const TROUBLE_MS = 4_000;
const LOOK_MS = 100;
/** One trouble in so many ends with a restart. */
const RESTART_SHARE = 0.4;

/** The store runs full under a bridge at work, and has room again later. Now and then the bridge is restarted meanwhile. */
export const full: Trial = async (options) => {
  await inTrouble(options, 'no room', (folder) => smallDisk(folder));
};

/** The store turns read-only under a bridge at work, or is so when it starts. */
export const readonly: Trial = async (options) => {
  await inTrouble(options, 'can.t be opened for writing|disk I.O error', (folder) =>
    freezingDisk(folder, join(folder, 'bridge.db')),
  );
  await atStart(options);
};

async function inTrouble(options: TrialOptions, words: string, make: (folder: string) => Disk): Promise<void> {
  const { random, findings, times, say } = options;
  await onStage({ random, findings }, async (stage) => {
    const disk = make(join(stage.folder, 'store'));
    stage.onEnd(() => disk.end());
    say(`by ${disk.how}`);
    await stage.startBridge();
    for (let n = 1; n <= times; n++) {
      await pause(between(random, 500, 2_000));
      const settled = stage.load.made - stage.load.unsettled;
      disk.fill(stage.bridge.pid);
      await trouble(stage, options, n);
      const meanwhile = stage.load.made - stage.load.unsettled - settled;
      const restart = !disk.ofProcess && random() < RESTART_SHARE;
      if (restart) await refusedStart(stage, options, words);
      disk.free(stage.bridge.pid);
      const freed = performance.now();
      if (restart) await stage.startBridge();
      const recovered = await until(stage, (status, sum) => status === 200 && sum === 0);
      findings.check('conduct', recovered, () => `no recovery within ${SHOWN_MS} ms:\n${tail(stage.bridge.log)}`);
      const ms = (performance.now() - freed).toFixed(0);
      say(
        `${n}: ${meanwhile} settled meanwhile, ready ${ms} ms after all was well${restart ? ', with a restart' : ''}`,
      );
    }
    await pause(1_000);
    await finish(stage, options);
  });
}

/** While the disk refuses, `/readyz` and the metric say so, and the bridge lives. */
async function trouble(stage: Stage, { random, findings }: TrialOptions, n: number): Promise<void> {
  const shown = await until(stage, (status, sum) => status === 503 && sum === 1);
  const say = async () => `${(await stage.readiness())?.text}\n${tail(stage.bridge.log)}`;
  const last = await say();
  findings.check('conduct', shown, () => `trouble ${n} was not shown within ${SHOWN_MS} ms: ${last}`);
  const end = performance.now() + between(random, 500, TROUBLE_MS);
  while (performance.now() < end) {
    const ready = await stage.readiness();
    findings.check('conduct', ready?.status === 503, () => `ready in the midst of trouble ${n}: ${ready?.text}`);
    await pause(LOOK_MS);
  }
  findings.check('conduct', stage.bridge.running, () => `the bridge ended in trouble ${n}:\n${tail(stage.bridge.log)}`);
}

/** A bridge that is killed in trouble and started again: it ends at once and says why, or it runs and says so. */
async function refusedStart(stage: Stage, { findings }: TrialOptions, words: string): Promise<void> {
  await stage.bridge.kill();
  const bridge = stage.spawnBridge();
  const started = await bridge.ready.then(
    () => true,
    () => false,
  );
  if (started) {
    await bridge.kill();
    return;
  }
  const code = await bridge.ended();
  const said = bridge.log.join('\n');
  findings.check('conduct', code === 1, () => `a start without room ended with ${code}:\n${said}`);
  findings.check('conduct', new RegExp(words).test(said), () => `a start without room said: ${said}`);
  findings.check('conduct', !hasStackTrace(bridge.log), () => `a start without room said: ${said}`);
}

async function atStart(options: TrialOptions): Promise<void> {
  const { random, findings, say } = options;
  await onStage({ random, findings }, async (stage) => {
    const folder = join(stage.folder, 'store');
    const disk = smallDisk(folder);
    stage.onEnd(() => disk.end());
    await stage.startBridge();
    await pause(1_000);
    await stage.bridge.kill();
    const frozen = readOnly(folder, stage.storePath);
    if (!frozen) say('at start: not tried, because root may not mount here and writes whatever the mode');
    else {
      await refusedStart(stage, options, 'can.t be opened for writing');
      const said = stage.bridge.log.join(' ');
      findings.check('conduct', said.includes(stage.storePath), () => `it did not name the database: ${said}`);
      say(`at start, ${frozen.how}: ${stage.bridge.log.at(-1)}`);
      frozen.undo();
    }
    await stage.startBridge();
    await finish(stage, options);
  });
}

/** Whether readiness and the metric of trouble came to be so in time. */
async function until(stage: Stage, holds: (status: number, trouble: number) => boolean): Promise<boolean> {
  for (const end = performance.now() + SHOWN_MS; performance.now() < end; await pause(LOOK_MS)) {
    const [ready, sum] = await Promise.all([stage.readiness(), stage.metric('pushbridge_store_trouble')]);
    if (ready && sum !== undefined && holds(ready.status, sum)) return true;
  }
  return false;
}
