import { startProsody } from '../../servers/prosody.ts';
import { stories } from './stories.ts';
import { until } from './until.ts';

const story = stories(startProsody);

story(
  'Prosody takes one connection of a component: a second one is a trouble that is told',
  async (t, s) => {
    await until(() => s.provider.health().detail?.includes('conflict') === true, 'the refusal');
    t.is(s.provider.health().state, 'degraded');
    t.true(s.provider.room() > 0);
  },
  { connections: 2 },
);
