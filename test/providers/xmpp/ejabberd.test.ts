import { startEjabberd } from '../../servers/ejabberd.ts';
import { gultschRegister } from './scene.ts';
import { stories } from './stories.ts';
import { until } from './until.ts';

const story = stories(startEjabberd);

story(
  'ejabberd shares the work among connections: answers may come over any of them',
  async (t, s) => {
    await until(() => s.provider.health().state === 'ok', 'both');
    const romeo = await s.logIn('romeo', 'orchard');
    const url = await romeo.register(gultschRegister(1, 2));
    const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => s.push(url, `push ${n}`)));
    for (const id of ids) t.is(await s.settled(id), 'ack');
    t.is(romeo.pushes.length, 20);
    t.false(s.events.has('foreign_answer'));
  },
  { connections: 2 },
);
