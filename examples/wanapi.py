#!/usr/bin/env python3
"""Exchanges raw frames with the other end of a WAN link, over the socket of an
interface whose mode is API: see wanapi(7). A program to start from.

    wanapi.py [--echo | --status] [-n COUNT] INTERFACE

Every line of standard input is a frame in hexadecimal digits; every frame that
comes in becomes such a line on standard output. It ends when its input has
ended, the line has every frame, and COUNT frames have come in (0 without -n).
With --echo it sends back what comes in instead, for ever; with --status it
prints the status. INTERFACE is a name, or the path of a socket. Exit status 1:
a frame was refused or lost.
"""

import argparse
import collections
import os
import socket
import struct
import sys
import threading

# version, kind, flags, DLCI, length, tag, protocol, 0, time
HEADER = struct.Struct("!BBHHHIHHQ")
VERSION = 1
DATA, STATUS, SENT, REFUSED, LOST = 0x01, 0x02, 0x81, 0x82, 0x83
ACK = 0x0100
MARKS = 0x001F  # FECN, BECN, DE, CR, BREAK: sent back as they came
REASONS = {
    1: "the message is malformed",
    2: "the link is down",
    3: "the channel is down",
    4: "too long: {limit} octets are allowed",
    5: "the channel does not carry such a frame",
    6: "the line failed first",
    7: "another application has the interface",
}
CONTENTS = {1: "Frame Relay", 2: "HDLC", 3: "Cisco HDLC", 4: "characters"}
COUNTERS = "rx_frames rx_octets rx_lost tx_frames tx_octets tx_refused".split()

Message = collections.namedtuple("Message", "kind flags dlci tag protocol time_ns payload")


class Interface:
    """A connection to an interface."""

    def __init__(self, name):
        if "/" not in name:
            root = os.environ.get("WANBOX_ROOT", "").rstrip("/")
            name = f"{root}/run/wanbox/api/{name}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(name)

    def send(self, kind, payload=b"", flags=0, tag=0, protocol=0):
        """Sends a message. Waits while the line is full."""
        header = HEADER.pack(VERSION, kind, flags, 0, len(payload), tag, protocol, 0, 0)
        self.socket.sendmsg([header, payload])

    def receive(self):
        """The next message; None: the daemon ended the connection."""
        message = self.socket.recv(1 << 17)
        if not message:
            return None
        version, kind, flags, dlci, length, tag, protocol, _, time_ns = HEADER.unpack_from(message)
        payload = message[HEADER.size :]
        if version != VERSION or length != len(payload):
            raise ValueError("a message of another version")
        return Message(kind, flags, dlci, tag, protocol, time_ns, payload)


def print_status(message):
    link, channel, content, _, limit, *counters = struct.unpack_from("!BBBBI6Q", message.payload)
    print(f"link {'up' if link else 'down'}, channel {'up' if channel else 'down'}")
    print(f"content {CONTENTS.get(content, 'unknown')}, DLCI {message.dlci}")
    print(f"limit {limit}")
    for name, value in zip(COUNTERS, counters):
        print(name, value)


class Exchange:
    """What was sent, answered and received."""

    def __init__(self, interface, options):
        self.interface = interface
        self.options = options
        self.to_send = None  # known once the input has ended
        self.answered = 0
        self.received = 0
        self.well = True

    def send_input(self):
        tag = 0
        for line in sys.stdin:
            tag += 1
            self.interface.send(DATA, bytes.fromhex(line.strip()), ACK, tag)
        self.to_send = tag
        # So that there is always something to receive.
        self.interface.send(STATUS)

    def is_done(self):
        return (
            not self.options.echo
            and self.received >= self.options.n
            and self.to_send == self.answered
        )

    def complain(self, what):
        print(f"wanapi.py: {what}", file=sys.stderr)
        self.well = False

    def run(self):
        while not self.is_done():
            message = self.interface.receive()
            if message is None:
                self.complain("the daemon ended the connection")
                return
            if message.kind == DATA and self.options.echo:
                marks = message.flags & MARKS
                self.interface.send(DATA, message.payload, marks, 0, message.protocol)
            elif message.kind == DATA:
                self.received += 1
                print(message.payload.hex(), flush=True)
            elif message.kind == SENT:
                self.answered += 1
            elif message.kind == REFUSED:
                reason, _, limit = struct.unpack_from("!HHI", message.payload)
                text = REASONS.get(reason, f"reason {reason}").format(limit=limit)
                self.complain(f"frame {message.tag} refused: {text}")
                self.answered += message.tag != 0
            elif message.kind == LOST:
                (lost,) = struct.unpack_from("!Q", message.payload)
                self.complain(f"{lost} frames lost: we are too slow")
            elif message.kind == STATUS and self.options.status:
                print_status(message)
                return


def main():
    parser = argparse.ArgumentParser(description="raw frames over a WAN link: see wanapi(7)")
    parser.add_argument("--echo", action="store_true", help="send back what comes in")
    parser.add_argument("--status", action="store_true", help="print the status")
    parser.add_argument("-n", type=int, default=0, metavar="COUNT", help="end after so many frames")
    parser.add_argument("interface", metavar="INTERFACE")
    options = parser.parse_args()
    try:
        exchange = Exchange(Interface(options.interface), options)
    except OSError as error:
        print(f"wanapi.py: {options.interface}: {error.strerror}", file=sys.stderr)
        return 1
    if not options.echo and not options.status:
        threading.Thread(target=exchange.send_input, daemon=True).start()
    try:
        exchange.run()
    except (OSError, ValueError) as error:
        exchange.complain(error)
    except KeyboardInterrupt:
        return 130
    return 0 if exchange.well else 1


if __name__ == "__main__":
    sys.exit(main())
