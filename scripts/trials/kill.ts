import { between, pause } from './chance.ts';
import { onStage } from './stage.ts';
import { finish, hasStackTrace, sawTraffic, type Trial, tail } from './trial.ts';

/** The longest life of a bridge, in milliseconds from the moment that it was ready. */
const LIFE_MS = 1_200;
/** One kill in so many hits a bridge that is still starting. */
const EARLY_SHARE = 0.15;

/** The bridge is killed with SIGKILL again and again, at any moment, while traffic and service go on. */
export const kill: Trial = async (options) => {
  const { random, findings, times, say } = options;
  await onStage({ random, findings, ...options.traffic }, async (stage) => {
    let startMs = 500;
    for (let n = 1; n <= times; n++) {
      const bridge = stage.spawnBridge();
      if (random() < EARLY_SHARE) await pause(between(random, 0, startMs));
      else {
        const spawned = performance.now();
        const started = await bridge.ready.then(
          () => true,
          () => false,
        );
        findings.check('conduct', started, () => `start ${n} failed:\n${tail(bridge.log)}`);
        if (!started) break;
        startMs = performance.now() - spawned;
        await pause(between(random, 0, LIFE_MS));
      }
      await bridge.kill();
      findings.check(
        'conduct',
        !hasStackTrace(bridge.log),
        () => `a stack trace in life ${n}:\n${tail(bridge.log, 20)}`,
      );
      if (n % 10 === 0) say(`${n} kills, ${stage.load.made} messages, ${stage.uplink.offered} upstream messages`);
    }
    await stage.startBridge();
    await sawTraffic(stage, options);
    await finish(stage, options);
  });
};
