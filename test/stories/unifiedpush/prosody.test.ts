import { startProsody } from '../../servers/prosody.ts';
import { tellWith } from './way.ts';

tellWith('Prosody', startProsody);
