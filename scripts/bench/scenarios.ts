/** The scenarios of the benchmark. Each starts its own bridge and emulator, and gives a table. */
import { encodings } from '../../src/protocols/bal/index.ts';
import { runLoad, runSink } from './load.ts';
import { median } from './measure.ts';
import { runScript } from './processes.ts';
import { endpoints, webpush } from './push.ts';
import type { RawOptions, RawResult } from './raw.ts';
import type { RawH2Options } from './raw-h2.ts';
import { backlog, connections, fairness } from './scale.ts';
import { APNS } from './services.ts';
import { common, measure, OUTSTANDING, ROUND_TRIP_MS, type Scenario, WINDOW, withRig } from './stage.ts';
import { columns, perSecondOf, type Row, ratio, whole } from './table.ts';

/** Milliseconds to a service over HTTP/2 that is far away, and connections to it; streams on each. */
const FAR_MS = 50;
const FAR_CONNECTIONS = 10;
const STREAMS = 100;

/** What a backend would reach without a bridge. */
const raw: Scenario = (setting, known) =>
  withRig(setting, { pool: 1 }, async (rig) => {
    const { messages, payload, runs, connections } = setting;
    const options: RawOptions = { port: rig.servicePort, connections, window: WINDOW, messages, payload, runs };
    const result = await runScript<RawResult>('raw.ts', options, { NODE_EXTRA_CA_CERTS: rig.ca });
    known.raw = result.perSecond;
    const spread = `${whole(Math.min(...result.runs))}–${whole(Math.max(...result.runs))}`;
    const row = { scenario: 'raw loop', 'messages/s': whole(result.perSecond), spread };
    return { title: 'The raw loop: @xmpp/client and the emulator, no bridge', rows: [row] };
  });

const downstream: Scenario = (setting, known) =>
  withRig(setting, { pool: setting.connections }, async (rig) => {
    const load = common(setting, rig);
    const { runs, rate } = setting;
    const full = await measure(runs, rig, (run) => runLoad({ ...load, prefix: `full${run}` }));
    known.downstream = perSecondOf(full);
    const paced = await measure(runs, rig, (run) =>
      runLoad({ ...load, messages: rate * 10, rate, prefix: `rate${run}` }),
    );
    const single = await measure(runs, rig, (run) =>
      runLoad({ ...load, connections: 1, outstanding: 1, messages: 2_000, prefix: `only${run}` }),
    );
    return {
      title: 'Downstream',
      note: 'From the frame to its DOWNSTREAM_ACK.',
      rows: [
        columns('as fast as it goes', full, known.raw),
        columns(`at ${whole(rate)} a second`, paced, undefined),
        columns('one at a time', single, undefined),
      ],
    };
  });

const upstream: Scenario = (setting, known) =>
  withRig(setting, { pool: setting.connections }, async (rig) => {
    const { runs, rate, messages, payload: bytes } = setting;
    const full = await measure(runs, rig, () =>
      runSink(common(setting, rig), () => rig.order({ upstream: { count: messages, bytes } })),
    );
    const paced = await measure(runs, rig, () =>
      runSink({ ...common(setting, rig), messages: rate * 10 }, () =>
        rig.order({ upstream: { count: rate * 10, bytes, rate } }),
      ),
    );
    return {
      title: 'Upstream',
      note: 'From the emulator’s stanza to the UPSTREAM frame at the backend, which acknowledges it.',
      rows: [columns('as fast as it goes', full, known.raw), columns(`at ${whole(rate)} a second`, paced, undefined)],
    };
  });

/** Throughput of a pool is window × connections / round trip, until the processor is the limit. */
const pool: Scenario = async (setting, known) => {
  const rows: Row[] = [];
  for (const connections of [1, 2, 5, 10, 20, 50]) {
    const options = { pool: connections, emulator: { latency: `${ROUND_TRIP_MS}ms` } };
    const measured = await withRig(setting, options, async (rig) => {
      const bound = (WINDOW * connections * 1000) / ROUND_TRIP_MS;
      const messages = Math.round(Math.min(bound, 25_000) * 2);
      const load = { ...common(setting, rig), messages, outstanding: 200 + WINDOW * connections };
      return measure(Math.min(3, setting.runs), rig, (run) => runLoad({ ...load, prefix: `pool${run}` }));
    });
    const bound = (WINDOW * connections * 1000) / ROUND_TRIP_MS;
    rows.push({
      connections,
      'window × connections / round trip': whole(bound),
      'messages/s': whole(perSecondOf(measured)),
      'of that': ratio(perSecondOf(measured) / bound),
      'of raw': known.raw === undefined ? '–' : ratio(perSecondOf(measured) / known.raw),
      'CPU µs': whole(median(measured.cpuMicros)),
    });
  }
  return { title: `Pool size at a round trip of ${ROUND_TRIP_MS} ms`, rows };
};

const encoding: Scenario = (setting, known) =>
  withRig(setting, { pool: setting.connections }, async (rig) => {
    const rows: Row[] = [];
    for (const encoding of encodings) {
      const load = { ...common(setting, rig), encoding };
      const measured = await measure(setting.runs, rig, (run) =>
        runLoad({ ...load, prefix: `${encoding[0]}-enc${run}` }),
      );
      rows.push(columns(encoding, measured, known.raw));
    }
    return { title: 'Encodings of BAL', rows };
  });

/**
 * A service over HTTP/2, near and far, beside a bare loop that posts the same to the same emulator.
 */
const http2 =
  (service: 'fcm' | 'apns', title: string): Scenario =>
  async (setting) => {
    const rows: Row[] = [];
    for (const latency of [0, FAR_MS]) {
      // A hundred streams a connection is what FCM allows; far away it takes ten of them to have enough under way.
      const pool = latency === 0 ? setting.connections : FAR_CONNECTIONS;
      const options = { pool, service, emulator: { latency: `${latency}ms` } };
      const where = latency === 0 ? 'near' : `${latency} ms away`;
      await withRig(setting, options, async (rig) => {
        const { messages, payload, runs } = setting;
        const bare = await runScript<RawResult>('raw-h2.ts', {
          service,
          port: rig.servicePort,
          ca: rig.ca,
          credentials: rig.credentials,
          keyId: APNS.key_id,
          teamId: APNS.team_id,
          topic: APNS.topic,
          connections: pool,
          streams: STREAMS,
          messages,
          payload,
          runs,
        } satisfies RawH2Options);
        const load = { ...common(setting, rig), outstanding: Math.max(OUTSTANDING, (2 * STREAMS * pool) / 4) };
        const measured = await measure(runs, rig, (run) => runLoad({ ...load, prefix: `http${run}` }));
        rows.push({
          ...columns(where, measured, bare.perSecond),
          'bare loop/s': whole(bare.perSecond),
        });
      });
    }
    const note = `“Of raw” is the share of a bare node:http2 loop, ${STREAMS} streams on as many connections, without a store.`;
    return { title, note, rows };
  };

/** In the order in which they run: the first ones are what others are compared with. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  raw,
  downstream,
  upstream,
  pool,
  connections,
  fairness,
  backlog,
  encoding,
  fcm: http2('fcm', 'FCM HTTP v1'),
  apns: http2('apns', 'APNs'),
  endpoints,
  webpush,
};
