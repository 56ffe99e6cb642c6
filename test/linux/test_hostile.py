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

"""A guest that does what no driver would, for ever: what it costs the host is
bounded, and another guest of the same host works as before.

The hostile guest is a program (test/unit/vhost_user.py) that has rings and no
machine; the other one is a vsockd.  Limits are lowered, so that they are met
soon."""

import os
import select
import sys

import harness
from harness import (HANG, HOST, MIB, PAIR, check, check_equal, on, resident,
                     until, wait)
from labs import LocalVsockd
from test_vsockadm import vsockadm

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "unit"))
import vhost_user as vu         # noqa: E402

CID, OTHER = 7, 8
CONNS, PENDING = 400, 100


class Hostile(vu.Machine):
    """Sends without end, and counts what it is told: {operation: times}."""

    def __init__(self, path):
        super().__init__(path)
        self.told = {}
        self.start()

    def drain(self):
        while self.used_index(0) != self.used[0]:
            op = self.receive()[0][6]
            self.told[op] = self.told.get(op, 0) + 1

    def flood(self, packets):
        """Send (port, port, op) after (port, port, op), as many at a time as
        the ring has room for, and take what comes."""
        packets = iter(packets)
        more = True
        while more or self.used[1] != self.avail[1]:
            while more and (self.avail[1] - self.used[1]) & 0xffff < \
                    self.QSIZE:
                packet = next(packets, None)
                more = packet is not None
                if more:
                    i = self.avail[1] % self.QSIZE
                    self.write(0x200000 + 0x1000 * i, "QQIIIHHIII", CID, HOST,
                               packet[0], packet[1], 0, 1, packet[2], 0,
                               0x10000, 0)
                    self.post(1, i, 44, 0)
            self.kick(1)
            self.drain()
            while self.used_index(1) == self.used[1] != self.avail[1]:
                ready, _, _ = select.select(self.calls, [], [], HANG)
                check(ready, f"the host does nothing for {HANG} s")
                for fd in ready:
                    os.eventfd_read(fd)
                self.drain()
            self.used[1] = self.used_index(1)

    def answered(self, count):
        """Whether so many requests were answered, this way or that."""
        self.drain()
        return sum(self.told.get(op, 0)
                   for op in (vu.OP_RESPONSE, vu.OP_RST)) == count


def begin(lab):
    """The host, and the guest that is not hostile."""
    path, other = lab.socket("hostile"), lab.socket("other")
    host = lab.begin("besieged", lambda: LocalVsockd(
        lab, "besieged", "--guest", f"cid={CID},socket={path}",
        "--guest", f"cid={OTHER},socket={other}"))
    guest = lab.begin("bystander", lambda: LocalVsockd(
        lab, "bystander", "--device", f"vhost-user,socket={other}")).peer
    return host, guest, Hostile(path)


class Bystander:
    """Traffic of the other guest, each way, while something else happens."""

    SIZE = 8 * MIB

    def __init__(self, lab, host, guest):
        self.sides = host.peer, guest
        self.fds = harness.connection(host.peer, guest, HOST, lab.port())
        self.futures = [
            side.start(command, fd=fd, seed=seed, bytes=self.SIZE)
            for seed, commands in ((1, ("send", "recv")),
                                   (2, ("recv", "send")))
            for side, fd, command in zip(self.sides, self.fds, commands)]

    def finish(self):
        """It has arrived, and one can still connect."""
        for future in self.futures:
            check_equal("bytes", wait(future)["bytes"], self.SIZE)
        for side, fd in zip(self.sides, self.fds):
            side.call("close", fd=fd)


def memory(host):
    return host.kstats()["vsockd:0:kmem:bytes"]


def counter(host, name):
    return host.kstats()["vsock:0:vsock:" + name]


@on(PAIR)
def test_never_accepted(lab):
    """Connections that wait to be accepted: the guest's share of a queue."""
    host, guest, hostile = begin(lab)
    vsockadm(host, "set-prop", f"max-pending={PENDING}")
    port = lab.port()
    with hostile:
        lfd = host.peer.call("listen", port=port)["fd"]
        hostile.flood((p, port, vu.OP_REQUEST) for p in range(1000))
        until(lambda: hostile.answered(1000), "all were answered")
        check_equal("how many wait", hostile.told[vu.OP_RESPONSE], PENDING)
        check_equal("how many were refused", hostile.told[vu.OP_RST],
                    1000 - PENDING)
        check_equal("what was counted", counter(host, "over_pending"),
                    1000 - PENDING)
        cfd = guest.call("connect", cid=HOST, port=port)["fd"]
        guest.call("close", fd=cfd)
        host.peer.call("close", fd=lfd)
    vsockadm(host, "reset-prop", "max-pending")
    until(lambda: host.connections() == 0, "its connections have ended")


@on(PAIR)
def test_connects_for_ever(lab):
    """Connections that are never used: so many, and no more."""
    host, guest, hostile = begin(lab)
    vsockadm(host, "set-prop", f"max-peer-conns={CONNS}")
    port = lab.port()
    with hostile:
        server = host.peer.call("serve", port=port)["server"]
        bystander = Bystander(lab, host, guest)
        for turn in range(20):
            hostile.flood((p, port, vu.OP_REQUEST)
                          for p in range(100 * turn, 100 * (turn + 1)))
            until(lambda: hostile.answered(100 * (turn + 1)),
                  "all were answered")
            conns = hostile.told[vu.OP_RESPONSE]
            until(lambda: host.peer.call("served", server=server)["conns"] ==
                  conns, "the server has those that were accepted")
            if turn == 9:
                before = memory(host), resident(host.popen.pid)
        after = memory(host), resident(host.popen.pid)
        print(f"   {conns} connections of 2000: {after[0] / 1024:.0f} KiB "
              f"allocated, {after[1] / MIB:.1f} MiB resident; of 1000: "
              f"{before[0] / 1024:.0f} KiB, {before[1] / MIB:.1f} MiB")
        check_equal("connections", conns, CONNS)
        check(after[0] < before[0] + MIB // 4, "memory does not grow")
        check(after[1] < before[1] + 8 * MIB, "nor does the process")
        check_equal("what was counted", counter(host, "over_peer_conns"),
                    2000 - CONNS)
        bystander.finish()
    vsockadm(host, "reset-prop", "max-peer-conns")
    until(lambda: host.connections() == 0, "its connections have ended")


@on(PAIR)
def test_sends_for_ever(lab):
    """Packets that are empty, or belong to nothing."""
    host, guest, hostile = begin(lab)
    vsockadm(host, "set-prop", "reply-rate=50")
    port = lab.port()
    with hostile:
        lfd = host.peer.call("listen", port=port)["fd"]
        hostile.flood([(1, port, vu.OP_REQUEST)])
        fd = host.peer.call("accept", fd=lfd)["fd"]
        bystander = Bystander(lab, host, guest)
        for turn in range(2):
            hostile.flood((1, port, vu.OP_RW) for _ in range(10000))
            hostile.flood((p, port, vu.OP_CREDIT_UPDATE)
                          for p in range(2, 10002))
            hostile.flood((1, port, vu.OP_CREDIT_REQUEST)
                          for _ in range(10000))
            if turn == 0:
                bystander.finish()
                before = memory(host), resident(host.popen.pid)
        after = memory(host), resident(host.popen.pid)
        print(f"   60000 packets: {after[0] / 1024:.0f} KiB allocated, "
              f"{after[1] / MIB:.1f} MiB resident; 30000 before: "
              f"{before[0] / 1024:.0f} KiB, {before[1] / MIB:.1f} MiB")
        check(after[0] < before[0] + MIB // 4, "memory does not grow")
        check(after[1] < before[1] + 8 * MIB, "nor does the process")
        check_equal("empty ones", host.counter("empty_data"), 20000)
        limited = host.counter("rst_limited")
        answered = hostile.told.get(vu.OP_RST, 0)
        check(limited > 10000, f"{limited} were not answered")
        check(answered + limited <= 20000, f"{answered} were")
        # It is not at an end: it can still be talked to.
        transfer = host.peer.start("send", fd=fd, seed=3, bytes=1000)
        check_equal("bytes", wait(transfer)["bytes"], 1000)
    host.peer.call("close", fd=fd)
    host.peer.call("close", fd=lfd)
    vsockadm(host, "reset-prop", "reply-rate")
