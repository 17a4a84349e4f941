import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPONENT, HOST, SECRET, type ServerOptions, startServer, type XmppServer } from './server.ts';

const PROGRAM = '/usr/bin/prosody';

/** Prosody, as Debian packages it, with one host and one component. */
export function startProsody({ users }: ServerOptions): Promise<XmppServer> {
  return startServer({
    program: PROGRAM,
    prepare(folder, { client, component }) {
      const accounts = join(folder, 'data', HOST, 'accounts');
      mkdirSync(accounts, { recursive: true });
      for (const [name, password] of Object.entries(users)) {
        writeFileSync(join(accounts, `${name}.dat`), `return { ["password"] = ${JSON.stringify(password)} };\n`);
      }
      const config = join(folder, 'prosody.cfg.lua');
      writeFileSync(config, configuration(folder, client, component));
      return { args: ['--config', config, '-F'] };
    },
  });
}

const configuration = (folder: string, client: number, component: number): string => `
run_as_root = true
pidfile = "${folder}/prosody.pid"
data_path = "${folder}/data"
certificates = "${folder}"
plugin_server = ""
log = { debug = "*console" }
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { ${client} }
component_ports = { ${component} }
component_interfaces = { "127.0.0.1" }
modules_enabled = { "roster", "saslauth", "disco", "ping", "offline", "carbons", "smacks" }
modules_disabled = { "s2s", "tls", "s2s_auth_certs" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
VirtualHost "${HOST}"
Component "${COMPONENT}"
  component_secret = "${SECRET}"
`;
