import { createHash } from 'node:crypto';
import { reason } from '../../../lib/log.ts';
import type { EndpointName } from '../../../protocols/unifiedpush/index.ts';
import type { Target } from './app-server.ts';
import type { Scene } from './backend-scene.ts';
import { Device, type DeviceOptions } from './device.ts';
import { COMPONENT, type Prosody } from './prosody.ts';
import { expect } from './steps.ts';
import { Subscription } from './subscription.ts';
import { until } from './waiting.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('base64');

/** One endpoint in each dialect. */
const LEGACY: EndpointName = { dialect: 'legacy', token: 'music' };
const GULTSCH: EndpointName = { dialect: 'gultsch', application: hash('org.example.chat'), instance: hash('1') };
const NAMES = [LEGACY, GULTSCH] as const;

/** The same for a client of an XMPP server, beside which the bridge is a component. */
export async function xmppScene({ steps, sender, book, clock, count }: Scene, { clientPort }: Prosody): Promise<void> {
  const subscriptions = new Map(NAMES.map((name) => [JSON.stringify(name), new Subscription()]));
  const options: DeviceOptions = {
    port: clientPort,
    clock,
    seen: new Set(),
    onPush(name, body) {
      const subscription = subscriptions.get(JSON.stringify(name));
      if (!subscription) return false;
      try {
        book.arrived(subscription.decrypt(body), clock.monotonic());
      } catch (error) {
        book.wrongs.push(`a push in the dialect ${name.dialect} can not be decrypted: ${reason(error)}`);
      }
      return true;
    },
  };
  const targets: Target[] = [];
  const settled = (): Promise<void> =>
    until(
      clock,
      () => book.missing === 0,
      () => `the rest (${book.missing})`,
    );
  const half = Math.ceil(count / 2);
  const ids = Array.from({ length: count }, (_, n) => `XMPP ${n}`);
  const left = () => `(${book.missing} on the way)`;

  await steps.say(`Endpoints of a client of Prosody, with the bridge as its component ${COMPONENT} (XEP-0114)`);
  let device = await Device.logIn(options, 'orchard');
  await steps.step('registered in both dialects, and again: each keeps its URL', async () => {
    for (const name of NAMES) {
      const url = await device.register(name);
      expect('the URL', await device.register(name), url);
      targets.push({ url, subscription: subscriptions.get(JSON.stringify(name)) ?? new Subscription() });
    }
  });
  await steps.step(
    `${half} pushes arrive and are decrypted`,
    async () => {
      expect('pushes with 201', await sender.postMany(targets, ids.slice(0, half)), half);
      await settled();
    },
    left,
  );
  book.timed = false;
  await steps.step(`${count - half} while the client is away: each gets 201 and waits`, async () => {
    await device.leave();
    expect('pushes with 201', await sender.postMany(targets, ids.slice(half)), count - half);
    expect('pushes that wait', book.missing, count - half);
  });
  await steps.step('it is back under another resource: what waited arrives, once', async () => {
    device = await Device.logIn(options, 'balcony');
    await settled();
    for (const [n, name] of NAMES.entries()) expect('the URL', await device.register(name), targets[n]?.url);
  });
  await steps.step('unregistered, and answered item-not-found: 410', async () => {
    const [legacy, gultsch] = targets;
    if (!legacy || !gultsch) throw new Error('no endpoints');
    await device.unregister('music');
    expect('status', (await sender.post(legacy, 'XMPP: too late', 'refused')).status, 410);
    subscriptions.delete(JSON.stringify(GULTSCH));
    let n = 0;
    const gone = async () => (await sender.post(gultsch, `XMPP: nobody's ${n++}`, 'refused')).status === 410;
    await until(clock, gone, '410');
  });
  await device.leave();
}
