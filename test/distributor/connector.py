"""An app with a connector, on libdbus: says on standard output what it is called with, as JSON lines, and calls what it
is told to on standard input. Usage: connector.py NAME [FILE]. A NAME of "-" is none at all; with a FILE the lines go there,
and nothing is read: so the bus starts it."""

import base64
import json
import os
import sys

import dbus
import dbus.lowlevel
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

METHOD_CALL = 1


def plain(value):
    if isinstance(value, dbus.Array) and value.signature == "y":
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return str(value)
    return int(value)


def typed(value):
    if isinstance(value, dict):
        return dbus.Dictionary({k: typed(v) for k, v in value.items()}, signature="sv")
    if isinstance(value, int):
        return dbus.UInt32(value)
    return value


OUT = open(sys.argv[2], "a") if len(sys.argv) > 2 else sys.stdout


def tell(**fields):
    print(json.dumps(fields), file=OUT, flush=True)


def main():
    name = sys.argv[1]
    bus = dbus.SessionBus(mainloop=DBusGMainLoop())
    loop = GLib.MainLoop()

    def heard(connection, message):
        if message.get_type() != METHOD_CALL or message.get_path() != "/org/unifiedpush/Connector":
            return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
        args = [plain(v) for v in message.get_args_list()]
        tell(
            event="called",
            interface=message.get_interface(),
            member=message.get_member(),
            signature=message.get_signature(),
            noReply=bool(message.get_no_reply()),
            args=args,
        )
        if not message.get_no_reply():
            reply = dbus.lowlevel.MethodReturnMessage(message)
            if message.get_interface().endswith("2"):
                sent = args[0].get("id") if message.get_member() == "Message" else None
                reply.append(dbus.Dictionary({"id": sent} if sent else {}, signature="sv"), signature="a{sv}")
            connection.send_message(reply)
        return dbus.lowlevel.HANDLER_RESULT_HANDLED

    def order(line):
        order = json.loads(line)
        number = order["number"]
        bus.call_async(
            order["destination"],
            order["path"],
            order["interface"],
            order["member"],
            order["signature"],
            [typed(v) for v in order["args"]],
            lambda *values: tell(event="answered", number=number, args=[plain(v) for v in values]),
            lambda error: tell(event="failed", number=number, error=error.get_dbus_name(), text=error.get_dbus_message()),
            timeout=30,
        )

    # Not by a buffered reader: it would keep a second line that came with the first.
    pending = b""

    def orders(_source, _condition):
        nonlocal pending
        read = os.read(0, 65536)
        if not read:
            loop.quit()
            return False
        *lines, pending = (pending + read).split(b"\n")
        for line in lines:
            order(line)
        return True

    bus.add_message_filter(heard)
    if name != "-":
        bus.request_name(name, 4)
    if OUT is sys.stdout:
        GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, orders)
    tell(event="ready", unique=bus.get_unique_name())
    loop.run()


main()
