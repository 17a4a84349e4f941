import test from 'ava';
import { LocalSequences } from '../../../src/doors/bal/sequences.ts';
import { fc, holds, same } from '../../properties.ts';

/** Frames handed out, frames acknowledged, and acknowledgements of numbers made up. */
const steps = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({ do: fc.constant('send' as const), sequence: fc.integer({ min: 1, max: 60 }) }),
      weight: 3,
    },
    { arbitrary: fc.record({ do: fc.constant('ack' as const), pick: fc.nat(50) }), weight: 2 },
    {
      arbitrary: fc.record({ do: fc.constant('guess' as const), number: fc.integer({ min: -2, max: 2 ** 31 }) }),
      weight: 1,
    },
  ),
  { maxLength: 120 },
);

test('[BAL §Framing] a Qt connection gives every frame in flight one number of its own, and finds it again', (t) => {
  holds(t, steps, (list) => {
    const sequences = new LocalSequences();
    const inFlight = new Map<number, number>();
    let given = 0;
    for (const step of list) {
      if (step.do === 'send') {
        const known = [...inFlight].find(([, sequence]) => sequence === step.sequence)?.[0];
        const number = sequences.outgoing(step.sequence);
        same(number, known ?? ++given); // a repeat keeps its number, a new frame gets the next
        inFlight.set(number, step.sequence);
      } else {
        const number = step.do === 'ack' ? ([...inFlight.keys()][step.pick] ?? 0) : step.number;
        const expected = inFlight.get(number) ?? (number >= 1 && number <= given ? undefined : 'unknown');
        same(sequences.incoming(number), expected);
        inFlight.delete(number);
      }
    }
  });
});
