#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A reader with selectors: the stream to standard output, losses to standard
error. It uses the device itself: with libbufflink, the fields of struct
bufflink_event would have to be written down here again. To run it:

    python3 selector.py /dev/bufflink0
"""
import fcntl
import os
import selectors
import struct
import sys

LOSS = struct.Struct("4Q")      # records, bytes, first, last
GETLOSS = 2 << 30 | LOSS.size << 16 | ord("B") << 8 | 0xb0


def report_loss(fd):
    answer = fcntl.ioctl(fd, GETLOSS, bytes(LOSS.size))
    records, _, first, last = LOSS.unpack(answer)
    if records:
        print(f"lost {records} records at bytes {first} to {last}",
              file=sys.stderr)


def copy(fd):
    """Returns False at the end of file."""
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:     # another reader was faster
        return True
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return bool(data)


def main(device):
    fd = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        more = True
        while more:
            selector.select()
            report_loss(fd)     # selectors have no event for it
            more = copy(fd)
    report_loss(fd)


if len(sys.argv) != 2:
    sys.exit("usage: selector.py /dev/bufflinkN")
main(sys.argv[1])
