import { startEjabberd } from '../../servers/ejabberd.ts';
import { tellWith } from './way.ts';

tellWith('ejabberd', startEjabberd);
