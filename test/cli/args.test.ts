import test from 'ava';
import { readArgs } from '../../src/cli/args.ts';
import { UsageError } from '../../src/cli/command.ts';

const command = {
  options: {
    config: { type: 'string', short: 'c', value: 'FILE', help: '' },
    set: { type: 'string', multiple: true, help: '' },
    receipt: { type: 'boolean', short: 'r', help: '' },
  },
} as const;

const read = (...argv: string[]) => readArgs(command, argv);

test('options are read in every usual spelling', (t) => {
  for (const argv of [['--config', 'a'], ['--config=a'], ['-c', 'a'], ['-ca']]) t.is(read(...argv).text('config'), 'a');
  t.true(read('--receipt').flag('receipt'));
  t.true(read('-r').flag('receipt'));
  t.false(read().flag('receipt'));
  t.is(read().text('config'), undefined);
  t.deepEqual(read('--set', 'a=1', '--set=b=2').list('set'), ['a=1', 'b=2']);
  t.deepEqual(read().list('set'), []);
});

test('values may be empty, begin with a dash when attached, or be a dash', (t) => {
  t.is(read('--config=').text('config'), '');
  t.is(read('--config=--odd').text('config'), '--odd');
  t.is(read('--config', '-').text('config'), '-');
  t.is(read('--config', '-5').text('config'), '-5');
});

test('what is wrong is said in one line', (t) => {
  const cases: [string[], string][] = [
    [['--confg', 'a'], 'unknown option --confg; did you mean --config?'],
    [['--zzzzzz'], 'unknown option --zzzzzz'],
    [['-x'], 'unknown option -x'],
    [['--config'], '--config needs a value: --config FILE'],
    [['--config', '--receipt'], '--config needs a value: --config FILE'],
    [['--set', '-r'], '--set needs a value: --set VALUE'],
    [['--receipt=yes'], '--receipt takes no value'],
    [['--config', 'a', '-c', 'b'], '-c is given twice'],
    [['stray'], 'unexpected argument "stray"'],
    [['--', '--config'], 'unexpected argument "--config"'],
    [['--__proto__=1'], 'unknown option --__proto__'],
    [['--constructor'], 'unknown option --constructor'],
  ];
  for (const [argv, message] of cases)
    t.throws(() => read(...argv), { instanceOf: UsageError, message }, argv.join(' '));
});

test('a command that takes arguments gets them', (t) => {
  const taking = { ...command, arguments: '[-]' };
  t.deepEqual(readArgs(taking, ['-', '--receipt']).positionals, ['-']);
  t.deepEqual(readArgs(taking, ['--', '--config']).positionals, ['--config']);
});
