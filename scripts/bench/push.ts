/** Scenarios of UnifiedPush and Web Push: what is posted to endpoints, and what goes to those of others. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BareRouteOptions } from './bare-route.ts';
import { contentOf, DIGITS_HERE, type LoadResult, runLoad } from './load.ts';
import { median } from './measure.ts';
import { type PostOptions, runPosts } from './posts.ts';
import { type Rig, runScript, withScript } from './processes.ts';
import type { RawResult } from './raw.ts';
import type { RawWebPushOptions } from './raw-webpush.ts';
import { PUBLIC_URL, SUBJECT } from './services.ts';
import { common, measure, type Scenario, type Setting, withRig } from './stage.ts';
import { subscriptionKeys } from './subscriptions.ts';
import { columns, perSecondOf, whole } from './table.ts';

/** Bytes of a push, as application servers encrypt them. */
const BODY_BYTES = 500;
/** Accounts with an endpoint each. */
const ACCOUNTS = 1_000;
/** Connections of application servers, each with one post at a time. */
const POSTERS = 32;
/** User agents, and connections to their push service. */
const SUBSCRIPTIONS = 1_000;
const CONNECTIONS = 100;

/** The runs of the bare route, which stores as long as `use` posts to it. */
async function bareRoute(setting: Setting, load: Omit<PostOptions, 'port'>): Promise<number> {
  const folder = mkdtempSync(join(setting.folder, 'pushbridge-bare-'));
  try {
    const options: BareRouteOptions = { database: join(folder, 'bare.db') };
    return await withScript('bare-route.ts', options, async (line) => {
      const runs: number[] = [];
      for (let run = 0; run <= setting.runs; run++) {
        const { perSecond } = await runPosts({ ...load, port: Number(line) });
        // The first is the warm-up.
        if (run > 0) runs.push(perSecond);
      }
      return median(runs);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const endpoints: Scenario = (setting) =>
  withRig(setting, { pool: 1, service: 'xmpp' }, async (rig) => {
    const { runs, rate, messages } = setting;
    const urls = JSON.parse(await rig.ask({ register: ACCOUNTS })) as string[];
    const load = {
      paths: urls.map((url) => url.slice(PUBLIC_URL.length)),
      connections: POSTERS,
      body: randomBytes(BODY_BYTES),
    };
    const bare = await bareRoute(setting, { ...load, posts: messages });
    const post = postsTo(rig, load);
    const full = await measure(runs, rig, () => post.run(messages));
    const delivered = median(post.delivered.slice(1));
    const paced = await measure(runs, rig, () => post.run(rate * 10, rate));
    return {
      title: 'Endpoints: HTTP in, XMPP out',
      note: `${POSTERS} kept connections, plain as behind a proxy, post ${BODY_BYTES} bytes at a time to ${ACCOUNTS} endpoints, each of another account; from the post to its 201. Everything posted is delivered to a component server that takes it at once. “Of raw” is the share of a bare route of fastify that only stores: a row each, commits shared, \`synchronous=FULL\`.`,
      rows: [
        { ...columns('as fast as it goes', full, bare), 'delivered/s': whole(delivered), 'bare route/s': whole(bare) },
        columns(`at ${whole(rate)} a second`, paced, undefined),
      ],
    };
  });

/** Posts that end when the last of them has been delivered. */
function postsTo(rig: Rig, load: Omit<PostOptions, 'port' | 'posts'>) {
  const delivered: number[] = [];
  const run = async (posts: number, rate?: number): Promise<LoadResult> => {
    const arrived = rig.ask({ pushes: posts });
    const started = performance.now();
    const result = await runPosts({ ...load, port: rig.httpPort, posts, ...(rate !== undefined && { rate }) });
    await arrived;
    delivered.push((posts * 1000) / (performance.now() - started));
    return result;
  };
  return { delivered, run };
}

export const webpush: Scenario = (setting) =>
  withRig(setting, { pool: CONNECTIONS, service: 'webpush' }, async (rig) => {
    const { messages, payload, runs, rate } = setting;
    const { data } = contentOf(payload);
    const origin = `https://localhost:${rig.servicePort}`;
    const alone = await runScript<RawResult>('raw-webpush.ts', {
      origin,
      ca: rig.ca,
      key: rig.credentials,
      subject: SUBJECT,
      subscriptions: SUBSCRIPTIONS,
      connections: CONNECTIONS,
      // It is slower, and sooner steady.
      messages: Math.ceil(messages / 4),
      payload: JSON.stringify(data),
      runs,
    } satisfies RawWebPushOptions);
    const contents = subscriptionKeys(SUBSCRIPTIONS).map((keys) => ({
      to: `${origin}/push/${DIGITS_HERE}`,
      data,
      keys,
      time_to_live: 60,
    }));
    const load = { ...common(setting, rig), contents };
    const full = await measure(runs, rig, (run) => runLoad({ ...load, prefix: `push${run}` }));
    // Half of what goes: latency at the edge is that of the queue.
    const calm = Math.min(rate, Math.floor(perSecondOf(full) / 2));
    const paced = await measure(runs, rig, (run) =>
      runLoad({ ...load, messages: calm * 10, rate: calm, prefix: `calm${run}` }),
    );
    return {
      title: 'Web Push, outgoing',
      note: `Encrypted and signed for ${SUBSCRIPTIONS} subscriptions of one push service, over up to ${CONNECTIONS} connections; from the frame to its DOWNSTREAM_ACK. “Of raw” is the share of the library web-push alone, without a store.`,
      rows: [
        { ...columns('as fast as it goes', full, alone.perSecond), 'web-push alone/s': whole(alone.perSecond) },
        columns(`at ${whole(calm)} a second`, paced, undefined),
      ],
    };
  });
