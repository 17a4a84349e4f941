import test from 'ava';
import { type BusCall, BusError, busErrors } from '../../src/distributor/bus.ts';
import { Connectors } from '../../src/distributor/connectors.ts';
import { silentLog } from '../../src/lib/log.ts';

const APP = 'org.example.App';

/** A bus that says what happens on it, in its order. `owners`: the answers to whose the app's name is, one by one. */
function busWith(owners: (string | undefined | Error)[]) {
  const happened: string[] = [];
  const said = (call: BusCall) => happened.push(call.member);
  const bus = {
    send: (_to: string, call: BusCall) => said(call) > 0,
    call: async (_to: string, call: BusCall) => {
      said(call);
      throw new BusError(busErrors.failed, 'the app answers so');
    },
    async ownerOf() {
      happened.push('owner?');
      const owner = owners.shift();
      if (owner instanceof Error) throw owner;
      return owner;
    },
    start: async () => void happened.push('start'),
  };
  return { happened, connectors: new Connectors(bus, { callMs: 1_000, log: silentLog }) };
}

for (const version of [1, 2] as const) {
  for (const [what, owners, taken, order] of [
    ['that is there', [':1.1', ':1.1'], true, 'owner? Message owner?'],
    ['that was started', [undefined, ':1.1'], true, 'owner? start Message owner?'],
    ['that leaves before the bus has it', [':1.1', undefined], false, 'owner? Message owner?'],
    ['that leaves as soon as it was started', [undefined, undefined], false, 'owner? start Message owner?'],
    ['on a bus that goes away', [':1.1', new Error('closed')], false, 'owner? Message owner?'],
  ] as const) {
    test(`v${version}: a push for an app ${what} is ${taken ? '' : 'not '}handed over`, async (t) => {
      const { happened, connectors } = busWith([...owners]);
      const to = { app: APP, token: 't', version };
      t.is(await connectors.message(to, Buffer.from('hi'), 'm1'), taken);
      t.is(happened.join(' '), order);
    });
  }
}

test('an app that never starts holds 64 pushes, and none of the others', async (t) => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const on = new Set(['org.example.There']);
  const bus = {
    send: () => true,
    call: async () => [],
    ownerOf: async (app: string) => (on.has(app) ? ':1.1' : undefined),
    start: async (app: string) => {
      await started;
      on.add(app);
    },
  };
  const connectors = new Connectors(bus, { callMs: 1_000, log: silentLog });
  const message = (app: string) => connectors.message({ app, token: 't', version: 2 }, Buffer.from('hi'), undefined);
  const first = Array.from({ length: 64 }, () => message(APP));
  t.false(await message(APP));
  t.true(await message('org.example.There'));
  start();
  t.deepEqual(await Promise.all(first), Array(64).fill(true));
  t.true(await message(APP));
});
