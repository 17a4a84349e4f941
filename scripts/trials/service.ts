import { between, pause } from './chance.ts';
import { onStage } from './stage.ts';
import { finish, type Trial } from './trial.ts';

/** The longest life and the longest absence of the service, in milliseconds. */
const LIFE_MS = 2_500;
const AWAY_MS = 400;
/** One kill in so many takes the bridge along. */
const BOTH_SHARE = 0.25;

/**
 * The service is killed and comes back on its port; it has forgotten everything but its journal, which tells what it had
 * received and which of its upstream messages were acked. Now and then the bridge dies with it.
 */
export const service: Trial = async (options) => {
  const { random, times, findings, say } = options;
  await onStage({ random, findings, ...options.traffic }, async (stage) => {
    await stage.startBridge();
    for (let n = 1; n <= times; n++) {
      await pause(between(random, 100, LIFE_MS));
      await stage.killService();
      if (random() < BOTH_SHARE) {
        await stage.bridge.kill();
        stage.spawnBridge();
      }
      await pause(between(random, 0, AWAY_MS));
      await stage.startService();
      await stage.uplink.again();
      if (n % 10 === 0) say(`${n} kills of the service, ${stage.load.made} messages`);
    }
    await stage.bridge.ready;
    await stage.uplink.again();
    await finish(stage, options);
  });
};
