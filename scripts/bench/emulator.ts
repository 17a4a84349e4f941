/**
 * An emulator in a process of its own: takes the name of its service and its options as JSON, writes its port to standard
 * output, and does what the lines of standard input ask for, if its service understands them.
 */
import { createInterface } from 'node:readline';
import { createApnsEmulator, createEmulator, createFcmEmulator, type Emulator } from '../../src/emulator/index.ts';
import { ComponentServer } from './component-server.ts';
import { wallMs } from './measure.ts';
import { type PushServiceOptions, startPushService } from './push-service.ts';

export type Order =
  /** Send upstream messages: `rate` a second, or as fast as they are acked. */
  | { readonly upstream: { readonly count: number; readonly bytes: number; readonly rate?: number } }
  /** Drop every connection and let nobody log in, or be as before. */
  | { readonly reachable: boolean }
  /** Register so many endpoints, and write their URLs as a line of JSON; XMPP alone understands it. */
  | { readonly register: number }
  /** Write a line when so many pushes have come; XMPP alone understands it. */
  | { readonly pushes: number };

const [, , service, json = '{}'] = process.argv;
const options = { track: false, ...(JSON.parse(json) as object) };
if (service === 'ccs') await runCcs();
else if (service === 'xmpp') await runXmpp();
else if (service === 'webpush') {
  process.stdout.write(`${await startPushService(JSON.parse(json) as PushServiceOptions)}\n`);
} else {
  const emulator = service === 'fcm' ? createFcmEmulator(options) : createApnsEmulator(options);
  await emulator.start();
  process.stdout.write(`${emulator.port}\n`);
}

async function runCcs(): Promise<void> {
  const emulator = createEmulator(options);
  await emulator.start();
  process.stdout.write(`${emulator.port}\n`);
  createInterface({ input: process.stdin }).on('line', (line) => {
    const order = JSON.parse(line) as Order;
    if ('upstream' in order) send(emulator, order.upstream);
    if ('reachable' in order) {
      emulator.control.setFaults({ refuse_login: order.reachable ? 'no' : 'close' });
      if (!order.reachable) emulator.control.drop('all');
    }
  });
}

async function runXmpp(): Promise<void> {
  const server = new ComponentServer();
  process.stdout.write(`${await server.start()}\n`);
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const order = JSON.parse(line) as Order;
    if ('register' in order) process.stdout.write(`${JSON.stringify(await server.register(order.register))}\n`);
    if ('pushes' in order) {
      await server.pushes(order.pushes);
      process.stdout.write('done\n');
    }
  });
}

function send(emulator: Emulator, { count, bytes, rate }: Extract<Order, { upstream: unknown }>['upstream']): void {
  const from = 'device-1';
  const began = performance.now();
  if (rate === undefined) {
    emulator.control.upstream({ from, bytes, count, message_id: `${began}` });
    return;
  }
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor(((performance.now() - began) * rate) / 1000));
    for (; sent < due; sent++) {
      emulator.control.upstream({ from, bytes, message_id: `${began}-${sent}`, data: { sent_at: wallMs() } });
    }
    if (sent === count) clearInterval(timer);
  }, 1);
}
