import test from 'ava';
import { inSection, OptionProblem, problemsIn } from '../../src/lib/option-problem.ts';

const fail = () => {
  throw new OptionProblem('ca', 'is none');
};

test('the message begins with the key, and every section puts its own in front', (t) => {
  t.throws(fail, { instanceOf: OptionProblem, message: 'ca: is none' });
  t.throws(() => inSection('providers', () => inSection('main', fail)), {
    instanceOf: OptionProblem,
    message: 'providers.main.ca: is none',
  });
});

test('results and other errors pass', (t) => {
  t.is(
    inSection('http', () => 7),
    7,
  );
  const other = new RangeError('other');
  const bug = () => {
    throw other;
  };
  t.is(
    t.throws(() => inSection('http', bug)),
    other,
  );
  t.is(
    t.throws(() => [...problemsIn(bug)]),
    other,
  );
});

test('each of several works has its first problem', (t) => {
  const found = [...problemsIn(fail, () => 'good', fail)];
  t.deepEqual(found, [
    { path: ['ca'], message: 'is none' },
    { path: ['ca'], message: 'is none' },
  ]);
});
