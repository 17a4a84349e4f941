import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { installedFiles, MARK } from '../../src/distributor/index.ts';
import { PrivateBus } from './private-bus.ts';

const env = { HOME: '/home/romeo' };

test('a unit and a service file, where systemd and the bus look for them', (t) => {
  const { unit, files } = installedFiles('pushbridge', ['/usr/bin/node', 'main.js'], env);
  t.is(unit, 'pushbridge-distributor.service');
  t.deepEqual(
    files.map(({ path }) => path),
    [
      '/home/romeo/.config/systemd/user/pushbridge-distributor.service',
      '/home/romeo/.local/share/dbus-1/services/org.unifiedpush.Distributor.pushbridge.service',
    ],
  );
  const [first, second] = files.map(({ text }) => text);
  t.true(first?.startsWith(`${MARK}\n[Unit]\n`));
  t.regex(
    first ?? '',
    /^Type=dbus\nBusName=org\.unifiedpush\.Distributor\.pushbridge\nExecStart="\/usr\/bin\/node" "main\.js"$/m,
  );
  t.true(second?.startsWith(`${MARK}\n[D-BUS Service]\n`));
  t.regex(
    second ?? '',
    /^Name=org\.unifiedpush\.Distributor\.pushbridge\nExec='\/usr\/bin\/node' 'main\.js'\nSystemdService=pushbridge-distributor\.service$/m,
  );
});

test('XDG folders win, another name is another unit, and words are quoted for their reader', (t) => {
  const { unit, files } = installedFiles('other', [`/a b/100%$"\\'`], {
    ...env,
    XDG_CONFIG_HOME: '/c',
    XDG_DATA_HOME: '/d',
  });
  t.is(unit, 'pushbridge-distributor-other.service');
  t.deepEqual(
    files.map(({ path }) => path),
    [
      '/c/systemd/user/pushbridge-distributor-other.service',
      '/d/dbus-1/services/org.unifiedpush.Distributor.other.service',
    ],
  );
  t.true(files[0]?.text.includes('ExecStart="/a b/100%%$$\\"\\\\\'"\n'));
  t.true(files[1]?.text.includes(`Exec='/a b/100%$"\\\\'\\\\'''\n`));
});

test('the bus starts what the service file says, whatever its path is made of', async (t) => {
  const bus = await PrivateBus.start();
  t.teardown(() => bus.stop());
  const folder = join(bus.folder, `it's a "\\s" %n $HOME`);
  const program = join(folder, 'run');
  mkdirSync(folder);
  const app = await bus.app('org.example.Caller');
  writeFileSync(program, `#!/bin/sh\nexec /usr/bin/python3 ${join(import.meta.dirname, 'connector.py')} "$1" "$2"\n`);
  chmodSync(program, 0o700);
  const name = 'org.unifiedpush.Distributor.odd';
  const { files } = installedFiles('odd', [program, name, join(folder, 'heard')], {});
  writeFileSync(join(bus.folder, 'services', `${name}.service`), files[1]?.text ?? '');
  const started = await app.call({
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
    member: 'StartServiceByName',
    signature: 'su',
    args: [name, 0],
  });
  t.like(started, { event: 'answered', args: [1] }, started.text);
});
