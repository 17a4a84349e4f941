import test from 'ava';
import { hasEjabberd, startEjabberd } from '../../servers/ejabberd.ts';
import { tellWith } from './way.ts';

if (hasEjabberd) tellWith('ejabberd', startEjabberd);
else test.skip('ejabberd is not installed: scripts/ensure-servers installs it', () => {});
