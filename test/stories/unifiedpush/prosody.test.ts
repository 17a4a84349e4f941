import test from 'ava';
import { hasProsody, startProsody } from '../../servers/prosody.ts';
import { tellWith } from './way.ts';

if (hasProsody) tellWith('Prosody', startProsody);
else test.skip('Prosody is not installed: scripts/ensure-servers installs it', () => {});
