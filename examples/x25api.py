#!/usr/bin/env python3
"""Exchanges messages over an X.25 circuit, over the X.25 socket of a device: see
x25api(7). A program to start from.

    x25api.py --call ADDRESS [-u HEX] [-n COUNT] DEVICE
    x25api.py --echo PATTERN [-c COUNT] DEVICE
    x25api.py --status DEVICE

With --call, every line of standard input is a message; every message that comes
in becomes a line of standard output. When the input has ended, the other end has
everything and COUNT messages have come in (0 without -n), the circuit is cleared.
With --echo it takes calls to these addresses, one after the other, and sends back
what comes, interrupts too, until the caller clears; it ends after COUNT calls (0,
the default: never). DEVICE is a name, or the path of a socket. Exit status 1: a
call failed, or something was lost.
"""

import argparse
import collections
import os
import socket
import struct
import sys
import threading

# version, kind, flags, channel, length, tag, cause, diagnostic, 0, time
HEADER = struct.Struct("!BBHHHIBBHQ")
VERSION = 1
DATA, STATUS, BIND, LISTEN, CALL, ACCEPT, CLEAR = range(1, 8)
RESET, INTERRUPT, CONFIRM, ATTACH = range(8, 12)
SENT, REFUSED, DONE = 0x81, 0x82, 0x84
Q, D, M, ACK, AFTER = 1, 2, 4, 0x100, 0x200
REASONS = {
    1: "the message is malformed",
    2: "the link is down",
    3: "not in this state of the connection",
    4: "too long",
    5: "a facility, address or user data that cannot be had",
    6: "another application has it",
    7: "no logical channel is free",
    8: "there is no such call or circuit",
    9: "too many applications or calls",
    10: "lost with a reset",
}
STATES = {0: "idle", 1: "listening", 2: "calling", 3: "connected", 4: "clearing"}
COUNTERS = "rx_packets rx_octets tx_messages tx_octets resets refused".split()

Message = collections.namedtuple("Message", "kind flags channel tag cause diagnostic payload")


class Error(Exception):
    """What a person is told."""


def call_block(called, calling=b"", facilities=b"", data=b""):
    """What follows a call: addresses and facilities with their lengths, user data."""
    parts = [bytes([len(part)]) + part for part in (called, calling, facilities)]
    return b"".join(parts) + data


def read_call(payload):
    """The called and the calling address, facilities and user data."""
    fields = []
    for _ in range(3):
        length = payload[0]
        fields.append(payload[1 : 1 + length])
        payload = payload[1 + length :]
    return (*fields, payload)


class Connection:
    """A connection to a device: it listens, or has one circuit."""

    def __init__(self, device):
        if "/" not in device:
            root = os.environ.get("WANBOX_ROOT", "").rstrip("/")
            device = f"{root}/run/wanbox/x25/{device}"
        self.device = device
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(device)
        self.status = self.receive()

    def send(self, kind, payload=b"", flags=0, tag=0, cause=0, diagnostic=0):
        """Sends a message. Waits while the circuit takes no more."""
        header = HEADER.pack(
            VERSION, kind, flags, 0, len(payload), tag, cause, diagnostic, 0, 0
        )
        self.socket.sendmsg([header, payload])

    def receive(self):
        """The next message."""
        octets = self.socket.recv(1 << 17)
        if not octets:
            raise Error("the daemon ended the connection")
        version, kind, flags, channel, length, tag, cause, diagnostic, _, _ = HEADER.unpack_from(
            octets
        )
        payload = octets[HEADER.size :]
        if version != VERSION or length != len(payload):
            raise Error("a message of another version")
        return Message(kind, flags, channel, tag, cause, diagnostic, payload)

    def answer(self):
        """The next message that is no news of the status."""
        while True:
            message = self.receive()
            if message.kind == REFUSED:
                (reason,) = struct.unpack_from("!H", message.payload)
                raise Error(f"refused: {REASONS.get(reason, f'reason {reason}')}")
            if message.kind == CLEAR:
                raise Error(
                    f"cleared, cause {message.cause}, diagnostic {message.diagnostic}"
                )
            if message.kind != STATUS:
                return message


def print_status(connection):
    state, link, window_out, window_in, packet_out, packet_in, limit, waiting, *counters = (
        struct.unpack_from("!BBBBHHII6Q", connection.status.payload)
    )
    print(f"state {STATES.get(state, state)}, link {'up' if link else 'down'}")
    print(f"packets {packet_out}/{packet_in}, windows {window_out}/{window_in}")
    print(f"limit {limit}, waiting {waiting}")
    for name, value in zip(COUNTERS, counters):
        print(name, value)


def call(options):
    connection = Connection(options.device)
    data = bytes.fromhex(options.u)
    connection.send(CALL, call_block(options.call.encode(), data=data))
    connection.answer()
    lines = sys.stdin.read().splitlines()
    # In a thread: what comes is to be read while these wait for the circuit.
    threading.Thread(target=send_lines, args=(connection, lines), daemon=True).start()
    acknowledged, received, parts = 0, 0, b""
    while acknowledged < len(lines) or received < options.n:
        message = connection.answer()
        if message.kind == SENT:
            acknowledged += 1
        elif message.kind == RESET:
            raise Error("the circuit was reset: data may be lost")
        elif message.kind == INTERRUPT:
            connection.send(CONFIRM)
        elif message.kind == DATA:
            parts += message.payload
            if not message.flags & M:
                print(parts.decode(errors="replace"), flush=True)
                received, parts = received + 1, b""
    connection.send(CLEAR, flags=AFTER)
    while connection.answer().kind != DONE:
        pass


def send_lines(connection, lines):
    for tag, line in enumerate(lines, 1):
        connection.send(DATA, line.encode(), ACK, tag)


def echo(options):
    listener = Connection(options.device)
    listener.send(BIND, options.echo.encode())
    listener.answer()
    listener.send(LISTEN)
    listener.answer()
    served = 0
    while served < options.c or options.c == 0:
        message = listener.receive()
        if message.kind != CALL:
            continue
        called, calling, _, data = read_call(message.payload)
        who = f"{calling.decode()} calls {called.decode()}, user data {data.hex()}"
        print(who, file=sys.stderr, flush=True)
        # The circuit has a connection of its own; the tag says which call is meant.
        circuit = Connection(options.device)
        try:
            circuit.send(ACCEPT, tag=message.tag)
            if circuit.answer().kind == ACCEPT:
                send_back(circuit)
        except Error as error:
            print(f"x25api.py: {error}", file=sys.stderr, flush=True)
        served += 1


def send_back(circuit):
    while True:
        message = circuit.answer()
        if message.kind == DATA:
            circuit.send(DATA, message.payload, message.flags & (Q | D | M))
        elif message.kind == INTERRUPT:
            circuit.send(CONFIRM)
            circuit.send(INTERRUPT, message.payload)


def main():
    parser = argparse.ArgumentParser(description="messages over X.25: see x25api(7)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--call", metavar="ADDRESS", help="call this address")
    what.add_argument("--echo", metavar="PATTERN", help="take calls, send back what comes")
    what.add_argument("--status", action="store_true", help="print the status")
    parser.add_argument("-u", default="", metavar="HEX", help="user data of the call")
    parser.add_argument("-n", type=int, default=0, metavar="COUNT", help="messages to receive")
    parser.add_argument("-c", type=int, default=0, metavar="COUNT", help="calls to take")
    parser.add_argument("device", metavar="DEVICE")
    options = parser.parse_args()
    try:
        if options.status:
            print_status(Connection(options.device))
        elif options.call is not None:
            call(options)
        else:
            echo(options)
    except (OSError, Error, ValueError) as error:
        print(f"x25api.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
