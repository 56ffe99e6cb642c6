#
# This file and its contents are supplied under the terms of the
# Common Development and Distribution License ("CDDL"), version 1.0.
# You may only use this file in accordance with the terms of version
# 1.0 of the CDDL.
#
# A full copy of the text of the CDDL should have accompanied this
# source.  A copy of the CDDL is also available via the Internet at
# http://www.illumos.org/license/CDDL.
#

"""A small virtual machine for vsockd's vhost-user sockets, without a CPU.

Frontend speaks the protocol.  Machine has memory and a virtio socket device
with two rings, and is its own driver: it sends packets through ring 1 and
finds those that come in ring 0.

Where things are in the machine's memory (guest physical = "user" addresses
less USER):

    0x10000 * ring         descriptors
    0x10000 * ring + 0x4000  avail ring
    0x10000 * ring + 0x8000  used ring
    0x100000 * (1 + ring)  buffers, 0x1000 apart
"""

import array
import mmap
import os
import select
import socket
import struct

HANG = 60

GET_FEATURES = 1
SET_FEATURES = 2
SET_OWNER = 3
SET_MEM_TABLE = 5
SET_VRING_NUM = 8
SET_VRING_ADDR = 9
SET_VRING_BASE = 10
GET_VRING_BASE = 11
SET_VRING_KICK = 12
SET_VRING_CALL = 13
GET_PROTOCOL_FEATURES = 15
SET_PROTOCOL_FEATURES = 16
GET_QUEUE_NUM = 17
SET_VRING_ENABLE = 18
GET_CONFIG = 24
RESET_DEVICE = 34

F_PROTOCOL = 1 << 30
F_VERSION_1 = 1 << 32

VERSION = 1
NEED_REPLY = 8

OP_REQUEST, OP_RESPONSE, OP_RST, OP_SHUTDOWN, OP_RW, OP_CREDIT_UPDATE, \
    OP_CREDIT_REQUEST = range(1, 8)


class Memory:
    """Memory that can be shared."""

    def __init__(self, size):
        self.size = size
        self.fd = os.memfd_create("guest", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)
        # Of what two sides look at: struct writes a byte at a time.
        self.words = memoryview(self.map).cast("H")

    def truncate(self, size):
        """The size of the file; the map here may not be used then."""
        os.ftruncate(self.fd, size)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.words.release()
        self.map.close()
        os.close(self.fd)


class Frontend:
    """The protocol."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(HANG)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.sock.close()

    def send(self, request, payload=b"", fds=(), flags=VERSION):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                      array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([struct.pack("<III", request, flags,
                                           len(payload)) + payload],
                              ancillary)
        except (BrokenPipeError, ConnectionResetError):
            pass        # closed() will tell

    def receive(self):
        def exactly(count):
            data = b""
            while len(data) < count:
                more = self.sock.recv(count - len(data))
                if not more:
                    raise ConnectionError("the back-end has disconnected")
                data += more
            return data
        request, _, size = struct.unpack("<III", exactly(12))
        return request, exactly(size)

    def ask(self, request, payload=b""):
        """A request that has a reply of its own."""
        self.send(request, payload)
        got, reply = self.receive()
        assert got == request, f"a reply to {got}, not {request}"
        return reply

    def request(self, request, payload=b"", fds=()):
        """One that has none: ask for a confirmation."""
        self.send(request, payload, fds, VERSION | NEED_REPLY)
        got, reply = self.receive()
        assert (got, reply) == (request, bytes(8)), f"{got}: {reply}"

    def closed(self):
        """Whether the back-end disconnects."""
        try:
            while self.sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
        except socket.timeout:
            return False
        return True

    def get_features(self):
        return struct.unpack("<Q", self.ask(GET_FEATURES))[0]

    def negotiate(self):
        """What comes before everything else: the configuration."""
        offered, = struct.unpack("<Q", self.ask(GET_PROTOCOL_FEATURES))
        self.send(SET_PROTOCOL_FEATURES, struct.pack("<Q", offered))
        self.request(SET_OWNER)
        queues, = struct.unpack("<Q", self.ask(GET_QUEUE_NUM))
        assert queues == 2, f"{queues} queues"
        reply = self.ask(GET_CONFIG, struct.pack("<III", 0, 8, 0) + bytes(8))
        return reply[12:]

    def set_mem_table(self, table, fds):
        self.send(SET_MEM_TABLE, struct.pack("<II", len(table), 0) +
                  b"".join(struct.pack("<QQQQ", *r) for r in table), fds,
                  VERSION | NEED_REPLY)


class Machine:
    SIZE = 0x400000
    USER = 0x7f0000000000
    QSIZE = 32

    def __init__(self, path):
        self.memory = Memory(self.SIZE)
        self.kicks = [os.eventfd(0) for _ in range(2)]
        self.calls = [os.eventfd(0) for _ in range(2)]
        self.base = [0, 0]
        self.new_driver()
        self.frontend = Frontend(path)
        self.frontend.negotiate()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.frontend.sock.close()
        for fd in self.kicks + self.calls:
            os.close(fd)
        self.memory.__exit__()

    # The device's set-up.

    def features(self):
        offered = self.frontend.get_features()
        self.frontend.request(SET_FEATURES, struct.pack(
            "<Q", (offered & F_VERSION_1) | F_PROTOCOL))

    def set_memory(self):
        self.frontend.set_mem_table([(0, self.SIZE, self.USER, 0)],
                                    [self.memory.fd])
        got, reply = self.frontend.receive()
        assert (got, reply) == (SET_MEM_TABLE, bytes(8)), reply

    def start_ring(self, ring, desc=None, avail=None, used=None):
        """Start it, the last message without waiting for its outcome."""
        f = self.frontend
        at = 0x10000 * ring
        desc = at if desc is None else desc
        avail = at + 0x4000 if avail is None else avail
        used = at + 0x8000 if used is None else used
        f.request(SET_VRING_NUM, struct.pack("<II", ring, self.QSIZE))
        f.request(SET_VRING_BASE, struct.pack("<II", ring, self.base[ring]))
        f.request(SET_VRING_ADDR, struct.pack(
            "<IIQQQQ", ring, 0, self.USER + desc, self.USER + used,
            self.USER + avail, 0))
        f.request(SET_VRING_CALL, struct.pack("<Q", ring), [self.calls[ring]])
        f.request(SET_VRING_KICK, struct.pack("<Q", ring), [self.kicks[ring]])
        f.send(SET_VRING_ENABLE, struct.pack("<II", ring, 1))

    def start_rings(self):
        for ring in range(2):
            self.start_ring(ring)
        self.frontend.get_features()    # they have all been seen

    def stop_rings(self):
        for ring in range(2):
            reply = self.frontend.ask(GET_VRING_BASE,
                                      struct.pack("<II", ring, 0))
            got, self.base[ring] = struct.unpack("<II", reply)
            assert got == ring

    def start(self):
        self.features()
        self.set_memory()
        self.start_rings()

    # The driver.

    def read(self, at, fmt):
        return struct.unpack_from("<" + fmt, self.memory.map, at)

    def write(self, at, fmt, *values):
        struct.pack_into("<" + fmt, self.memory.map, at, *values)

    def used_index(self, ring):
        return self.memory.words[(0x10000 * ring + 0x8000 + 2) // 2]

    def new_driver(self):
        """Rings as a driver that has just been loaded leaves them."""
        self.base = [0, 0]
        self.avail = [0, 0]
        self.used = [0, 0]
        self.packets = []
        for ring in range(2):
            for offset in (0x4000, 0x8000):
                self.write(0x10000 * ring + offset, "HH", 0, 0)
        for i in range(self.QSIZE):
            self.post(0, i, 0x1000, 2)

    def post(self, ring, i, length, flags):
        """Make a buffer available."""
        at = 0x10000 * ring
        self.write(at + 16 * i, "QIHH", 0x100000 * (1 + ring) + 0x1000 * i,
                   length, flags, 0)
        slot = self.avail[ring] % self.QSIZE
        self.write(at + 0x4000 + 4 + 2 * slot, "H", i)
        self.avail[ring] = (self.avail[ring] + 1) & 0xffff
        self.memory.words[(at + 0x4000 + 2) // 2] = self.avail[ring]

    def kick(self, ring):
        os.eventfd_write(self.kicks[ring], 1)

    def wait(self, ring):
        """Wait until a buffer of that ring was used: its index, length."""
        at = 0x10000 * ring + 0x8000
        while self.used_index(ring) == self.used[ring]:
            ready, _, _ = select.select([self.calls[ring]], [], [], HANG)
            assert ready, f"ring {ring}: nothing in {HANG} s"
            os.eventfd_read(self.calls[ring])
        slot = self.used[ring] % self.QSIZE
        self.used[ring] = (self.used[ring] + 1) & 0xffff
        return self.read(at + 4 + 8 * slot, "II")

    def send(self, cid, src_port, dst_port, op, data=b"", flags=0, fwd=0):
        i = self.avail[1] % self.QSIZE
        at = 0x200000 + 0x1000 * i
        assert len(data) <= 0x1000 - 44
        self.write(at, "QQIIIHHIII", cid, 2, src_port, dst_port, len(data), 1,
                   op, flags, 0x10000, fwd & 0xffffffff)
        self.memory.map[at + 44:at + 44 + len(data)] = data
        self.post(1, i, 44 + len(data), 0)
        self.kick(1)
        self.wait(1)

    def receive(self):
        """The next packet: its header's fields after the CIDs, its data."""
        i, length = self.wait(0)
        at = 0x100000 + 0x1000 * i
        fields = self.read(at, "QQIIIHHIII")
        assert length == 44 + fields[4], f"{length} bytes: {fields}"
        data = self.memory.map[at + 44:at + 44 + fields[4]]
        self.post(0, i, 0x1000, 2)
        self.kick(0)
        return fields, data

    def connect(self, cid, src_port, dst_port):
        self.send(cid, src_port, dst_port, OP_REQUEST)
        c = Connection(self, cid, src_port, dst_port)
        c.expect(OP_RESPONSE)
        return c

    def accept(self, cid, at_port):
        fields, _ = self.receive()
        assert (fields[1], fields[3], fields[6]) == \
            (cid, at_port, OP_REQUEST), fields
        c = Connection(self, cid, at_port, fields[2])
        c.credit(fields)
        c.packet(OP_RESPONSE)
        return c


class Connection:
    """The guest's end of a connection; the only one at a time."""

    def __init__(self, machine, cid, src_port, dst_port):
        self.machine = machine
        self.where = (cid, src_port, dst_port)
        self.data = b""
        self.fwd = 0        # bytes that were received
        self.sent = 0
        self.peer_alloc = 0
        self.peer_fwd = 0
        self.ended = False

    def packet(self, op, data=b"", flags=0):
        self.machine.send(*self.where, op, data, flags, self.fwd)

    def credit(self, fields):
        self.peer_alloc, self.peer_fwd = fields[8:10]

    def next(self):
        """Take in one packet: its operation."""
        fields, data = self.machine.receive()
        assert fields[:4] == (2, self.where[0], self.where[2],
                              self.where[1]), fields
        self.credit(fields)
        if fields[6] == OP_RW:
            self.data += data
            self.fwd += len(data)
            self.packet(OP_CREDIT_UPDATE)
        elif fields[6] == OP_CREDIT_REQUEST:
            self.packet(OP_CREDIT_UPDATE)
        elif fields[6] == OP_RST or \
                (fields[6] == OP_SHUTDOWN and fields[7] & 2):
            self.ended = True
        return fields[6]

    def expect(self, op):
        got = self.next()
        assert got == op, f"operation {got}, not {op}"

    def send(self, data):
        while data:
            room = self.peer_alloc - ((self.sent - self.peer_fwd) &
                                      0xffffffff)
            if room <= 0:
                self.next()
                continue
            piece = data[:min(room, 4000)]
            self.packet(OP_RW, piece)
            self.sent += len(piece)
            data = data[len(piece):]

    def receive(self, count):
        while len(self.data) < count:
            assert not self.ended, "the end"
            self.next()
        data, self.data = self.data[:count], self.data[count:]
        return data

    def shutdown(self):
        self.packet(OP_SHUTDOWN, flags=2)

    def reset(self):
        self.packet(OP_RST)

    def expect_end(self):
        while not self.ended:
            self.next()
        assert not self.data, "there is data"
