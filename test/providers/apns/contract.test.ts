import { providerContract } from '../contract.ts';
import { connectable } from './emulated.ts';

providerContract(async ({ patienceMs }) => {
  // On a machine that is busy an answer may take a second.
  const emulated = await connectable({ options: { deadline: `${patienceMs * 5}ms` } });
  let before = 0;
  return {
    provider: emulated.provider,
    received: () => before + emulated.control.stats().messages,
    cut: () => void emulated.control.drop('all', 'rst'),
    async goAway() {
      before += emulated.control.stats().messages;
      await emulated.goAway();
    },
    comeBack: () => emulated.comeBack(),
    hold: (held) => void emulated.control.setFaults({ hold_answers: held }),
    stop: () => emulated.stop(),
  };
});
