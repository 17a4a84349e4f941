import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPONENT, HOST, SECRET, type ServerOptions, startServer, type XmppServer } from './server.ts';

/** Not its own control script, which insists on its own user and on a daemon that all Erlang programs share. */
const PROGRAM = '/usr/bin/erl';

/** ejabberd, as Debian packages it, with one host and one component. */
export function startEjabberd({ users }: ServerOptions): Promise<XmppServer> {
  return startServer({
    program: PROGRAM,
    prepare(folder, { client, component }) {
      mkdirSync(join(folder, 'logs'));
      const config = join(folder, 'ejabberd.yml');
      writeFileSync(config, configuration(client, component));
      const accounts = Object.entries(users).map(
        ([name, password]) => `ejabberd_auth:try_register(<<"${name}">>, <<"${HOST}">>, <<"${password}">>)`,
      );
      return {
        args: ['-noinput', '-mnesia', 'dir', `"${folder}/data"`, '-s', 'ejabberd', '-eval', `${accounts.join(', ')}.`],
        env: {
          EJABBERD_CONFIG_PATH: config,
          EJABBERD_LOG_PATH: join(folder, 'logs', 'ejabberd.log'),
          ERL_LIBS: '/usr/lib/x86_64-linux-gnu',
        },
      };
    },
  });
}

const configuration = (client: number, component: number): string => `
hosts: [${HOST}]
loglevel: info
auth_password_format: plain
listen:
  - port: ${client}
    ip: 127.0.0.1
    module: ejabberd_c2s
    starttls: false
  - port: ${component}
    ip: 127.0.0.1
    module: ejabberd_service
    access: all
    hosts:
      ${COMPONENT}:
        password: "${SECRET}"
modules:
  mod_disco: {}
  mod_offline: {}
  mod_ping: {}
  mod_roster: {}
  mod_carboncopy: {}
  mod_stream_mgmt: {}
`;
