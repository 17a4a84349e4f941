import { names } from './names.ts';

const DOCTYPE =
  '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">';

const NO_REPLY = '<annotation name="org.freedesktop.DBus.Method.NoReply" value="true"/>';

const arg = (name: string, type: string, direction: 'in' | 'out'): string =>
  `<arg name="${name}" type="${type}" direction="${direction}"/>`;

const INTERFACES = [
  `<interface name="${names.introspectable}"><method name="Introspect">${arg('xml_data', 's', 'out')}</method></interface>`,
  `<interface name="${names.peer}"><method name="Ping"/></interface>`,
  `<interface name="${names.distributor.v1}">`,
  '<method name="Register">',
  arg('serviceName', 's', 'in'),
  arg('token', 's', 'in'),
  arg('description', 's', 'in'),
  arg('registrationResult', 's', 'out'),
  arg('registrationResultReason', 's', 'out'),
  '</method>',
  `<method name="Unregister">${arg('token', 's', 'in')}${NO_REPLY}</method>`,
  '</interface>',
  `<interface name="${names.distributor.v2}">`,
  `<method name="Register">${arg('args', 'a{sv}', 'in')}${arg('result', 'a{sv}', 'out')}</method>`,
  `<method name="Unregister">${arg('args', 'a{sv}', 'in')}${arg('result', 'a{sv}', 'out')}</method>`,
  '</interface>',
].join('');

/** What is at `path`, as XML; undefined if there is nothing. Connectors choose their version by it. */
export function introspect(path: string): string | undefined {
  const { path: ours } = names.distributor;
  if (path === ours) return `${DOCTYPE}<node name="${path}">${INTERFACES}</node>`;
  const above = path === '/' ? '/' : `${path}/`;
  if (!ours.startsWith(above)) return undefined;
  const [child] = ours.slice(above.length).split('/');
  return `${DOCTYPE}<node name="${path}"><node name="${child}"/></node>`;
}
