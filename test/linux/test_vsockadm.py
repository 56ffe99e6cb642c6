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

"""vsockadm with a hypervisor and its guest: what it shows is compared with
traffic that is known, and what it captures with what was sent."""

import array
import collections
import errno
import os
import re
import signal
import socket
import struct
import subprocess
import sys

from harness import (HANG, HOST, MIB, PAIR, Process, check, check_equal,
                     connection, on, program, transfer, until)
from labs import GUEST

LOCAL = 1
BUF = 256 * 1024                # the default of recv-buf and send-buf


def vsockadm(vsockd, *args, status=0):
    """Run it: what it printed, to standard output and error."""
    result = subprocess.run(
        [program("vsockadm"), "--control", vsockd.control, *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=HANG, check=False)
    check_equal(f"the exit status of {args}: {result.stderr}",
                result.returncode, status)
    if status == 0:
        check_equal(f"errors of {args}", result.stderr, "")
    return result.stdout, result.stderr


def split(line):
    """The fields of a parseable line."""
    fields, text = [], ""
    chars = iter(line)
    for c in chars:
        if c == "\\":
            text += next(chars)
        elif c == ":":
            fields.append(text)
            text = ""
        else:
            text += c
    return fields + [text]


def show(vsockd, command, fields, *args):
    """The lines of a list, each a dictionary by the names of the fields."""
    out, _ = vsockadm(vsockd, command, "-n", "-p", "-o", ",".join(fields),
                      *args)
    return [dict(zip(fields, split(line))) for line in out.splitlines()]


def one(lines, **values):
    """The only line with these values."""
    found = [line for line in lines
             if all(line[key] == value for key, value in values.items())]
    check_equal(f"lines with {values} in {lines}", len(found), 1)
    return found[0]


def numbers(line, *names):
    return tuple(int(line[name]) for name in names)


@on(PAIR)
def test_connections(lab):
    host, guest = lab.host, lab.guest_vsockd.peer
    port = lab.port()
    lfd = host.call("listen", port=port)["fd"]
    listeners = show(lab.host_vsockd, "show-listener",
                     ["local", "type", "zone", "port", "guid"])
    line = one(listeners, port=str(port))
    check_equal("the listener", line, {
        "local": f"any:{port}", "type": "stream", "zone": "0",
        "port": str(port),
        "guid": f"{port:08x}-facb-11e6-bd58-64006a7986d3"})
    host.call("close", fd=lfd)
    check(all(line["port"] != str(port) for line in
              show(lab.host_vsockd, "show-listener", ["port", "type"])),
          "the listener is still there")

    sfd, cfd = connection(host, guest, HOST, port)
    transfer(guest, cfd, host, sfd, seed=1, count=300000)
    transfer(host, sfd, guest, cfd, seed=2, count=70000)
    fields = ["local", "remote", "state", "type", "transport", "rxbytes",
              "txbytes", "rxmsgs", "txmsgs", "rxpkts", "txpkts", "rxq", "txq",
              "rxcredit", "txcredit", "txfull", "rcvbuf", "sndbuf"]
    mine = one(show(lab.guest_vsockd, "show-connection", fields),
               remote=f"{HOST}:{port}")
    theirs = one(show(lab.host_vsockd, "show-connection", fields),
                 local=f"{HOST}:{port}")
    for line in mine, theirs:
        check_equal("state", line["state"], "connected")
        check_equal("type", line["type"], "stream")
        check_equal("bytes that wait to be sent", line["txq"], "0")
        check_equal("writers are stopped", line["txfull"], "no")
        check_equal("buffers", numbers(line, "rcvbuf", "sndbuf"), (BUF, BUF))
    check_equal("names", mine["local"], theirs["remote"])
    check(mine["local"].startswith(f"{GUEST}:"), f"local is {mine['local']}")
    check_equal("the guest's transport", mine["transport"], "virtio0")
    check(theirs["transport"].startswith("bhyve"),
          f"the host's transport is {theirs['transport']}")
    check_equal("bytes, the guest's", numbers(mine, "rxbytes", "txbytes"),
                (70000, 300000))
    check_equal("bytes, the host's", numbers(theirs, "rxbytes", "txbytes"),
                (300000, 70000))
    # Messages from the peer are packets with data; others have none.
    for line in mine, theirs:
        messages, packets = numbers(line, "rxmsgs", "rxpkts")
        check(0 < messages < packets, f"{messages} messages in {packets} "
                                      "packets")

        # What one has sent the other has got, when nothing is under way.
    def settled():
        a = one(show(lab.guest_vsockd, "show-connection", fields),
                remote=f"{HOST}:{port}")
        b = one(show(lab.host_vsockd, "show-connection", fields),
                local=f"{HOST}:{port}")
        return (a["txpkts"] == b["rxpkts"] and a["rxpkts"] == b["txpkts"] and
                0 < int(a["txcredit"]) <= int(b["rxcredit"]) <= BUF)
    until(settled, "both count the same packets")

    guest.call("shutdown", fd=cfd, how="wr")
    until(lambda: one(show(lab.host_vsockd, "show-connection", fields),
                      local=f"{HOST}:{port}")["state"] == "shut-recv",
          "the host sees the guest's shutdown")
    check_equal("the guest's state",
                one(show(lab.guest_vsockd, "show-connection", fields),
                    remote=f"{HOST}:{port}")["state"], "shut-send")
    guest.call("close", fd=cfd)
    host.call("close", fd=sfd)
    for vsockd in lab.host_vsockd, lab.guest_vsockd:
        until(lambda: show(vsockd, "show-connection", fields) == [],
              "there are no connections")


@on(PAIR)
def test_stalls(lab):
    """A reader that does not read is seen on both sides."""
    host, guest = lab.host, lab.guest_vsockd.peer
    port = lab.port()
    sfd, cfd = connection(host, guest, HOST, port)
    sending = guest.start("send", fd=cfd, seed=1, bytes=4 * MIB)
    fields = ["local", "remote", "txfull", "txstalls", "txcredit", "rxq",
              "rxcredit"]

    def stalled():
        line = one(show(lab.guest_vsockd, "show-connection", fields),
                   remote=f"{HOST}:{port}")
        return line["txfull"] == "yes" and line["txcredit"] == "0" and line
    line = until(stalled, "the writer is stopped")
    check(int(line["txstalls"]) > 0, f"{line}")
    theirs = one(show(lab.host_vsockd, "show-connection", fields),
                 local=f"{HOST}:{port}")
    check_equal("what the host lets it send", theirs["rxcredit"], "0")
    check(int(theirs["rxq"]) > 0, f"nothing waits to be read: {theirs}")
    got = host.call("recv", fd=sfd, seed=1, bytes=4 * MIB)
    check_equal("bytes", got["bytes"], 4 * MIB)
    check_equal("bytes", sending.result(HANG)["bytes"], 4 * MIB)
    host.call("close", fd=sfd)
    guest.call("close", fd=cfd)


TRANSPORT = ["name", "direction", "local", "remote", "conns", "connects",
             "accepts", "refusedout", "refusedin", "rxbytes", "txbytes",
             "restricted"]


@on(PAIR)
def test_transports(lab):
    host, guest = lab.host, lab.guest_vsockd.peer
    before = one(show(lab.guest_vsockd, "show-transport", TRANSPORT),
                 name="virtio0")
    check_equal("the guest's transport", (
        before["direction"], before["local"], before["remote"],
        before["restricted"]), ("to-host", str(GUEST), str(HOST), "no"))
    hosts = show(lab.host_vsockd, "show-transport", TRANSPORT)
    theirs = one(hosts, remote=str(GUEST))
    check_equal("the host's transport", (theirs["direction"], theirs["local"]),
                ("to-guest", str(HOST)))
    check_equal("loopback", one(hosts, name="vsocklo0")["direction"], "local")

    port = lab.port()
    guest.refused("ECONNRESET", "connect", cid=HOST, port=port)
    sfd, cfd = connection(host, guest, HOST, port)
    transfer(guest, cfd, host, sfd, seed=3, count=123456)
    after = one(show(lab.guest_vsockd, "show-transport", TRANSPORT, "virtio0"),
                name="virtio0")
    names = ("conns", "connects", "refusedout", "txbytes", "rxbytes")
    check_equal("what has been added", tuple(
        b - a for a, b in zip(numbers(before, *names),
                              numbers(after, *names))), (1, 1, 1, 123456, 0))
    later = one(show(lab.host_vsockd, "show-transport", TRANSPORT),
                remote=str(GUEST))
    names = ("accepts", "refusedin", "rxbytes")
    check_equal("what has been added at the host", tuple(
        b - a for a, b in zip(numbers(theirs, *names),
                              numbers(later, *names))), (1, 1, 123456))
    guest.call("close", fd=cfd)
    host.call("close", fd=sfd)

    # The same in show-stats, and by name.
    out, _ = vsockadm(lab.guest_vsockd, "show-stats", "-p", "-o",
                      "module,name,statistic,value", "virtio0")
    check("vsock_transport:virtio0:local_cid:3\n" in out, out)
    check(all(line.split(":")[1] == "virtio0" for line in out.splitlines()),
          out)
    out, _ = vsockadm(lab.guest_vsockd, "show-stats", "-z", "-p", "-o",
                      "module,value")
    values = out.splitlines()
    check(any(line.startswith("viosock:") for line in values), out)
    check("vsock:0" not in values, "a value of 0 was shown")
    vsockadm(lab.guest_vsockd, "show-stats", "no-such", status=1)
    vsockadm(lab.guest_vsockd, "show-transport", "no-such", status=1)


def prop(vsockd, name):
    out, _ = vsockadm(vsockd, "get-prop", "-p", "-o", "value", name)
    return out.rstrip("\n")


@on(PAIR)
def test_properties(lab):
    vsockd, guest = lab.guest_vsockd, lab.guest_vsockd.peer
    out, _ = vsockadm(vsockd, "get-prop")
    lines = [line.split() for line in out.splitlines()]
    check_equal("the heading", lines[0],
                ["PROPERTY", "VALUE", "DEFAULT", "POSSIBLE"])
    check_equal("values", {line[0]: line[1:3] for line in lines[1:]}, {
        "connect-timeout": ["2000", "2000"], "extra-priv-ports": ["--", "--"],
        "loopback": ["on", "on"], "max-buf": [str(16 * MIB), str(16 * MIB)],
        "max-conns": ["524288", "524288"],
        "max-peer-conns": ["131072", "131072"],
        "max-pending": ["4096", "4096"],
        "max-zone-buf": [str(4096 * MIB), str(4096 * MIB)],
        "msg-cost": ["512", "512"], "recv-buf": [str(BUF), str(BUF)],
        "reply-rate": ["10000", "10000"], "send-buf": [str(BUF), str(BUF)]})

    # A new socket has them; what was there before does not.
    first, second = lab.port(), lab.port()
    old = guest.call("listen", port=first)["fd"]
    vsockadm(vsockd, "set-prop", "recv-buf=1M", "send-buf=64K",
             "extra-priv-ports=7000,8000")
    new = guest.call("listen", port=second)["fd"]
    lines = show(vsockd, "show-listener", ["port", "rcvbuf", "sndbuf"])
    check_equal("the old one", numbers(one(lines, port=str(first)),
                                       "rcvbuf", "sndbuf"), (BUF, BUF))
    check_equal("the new one", numbers(one(lines, port=str(second)),
                                       "rcvbuf", "sndbuf"), (MIB, 65536))
    guest.call("close", fd=old)
    guest.call("close", fd=new)
    check_equal("ports", prop(vsockd, "extra-priv-ports"), "7000,8000")
    _, err = vsockadm(vsockd, "set-prop", "max-buf=1023K", status=1)
    check("max-buf: value out of range" in err, err)
    _, err = vsockadm(vsockd, "set-prop", "max-buf=lots", status=1)
    check("max-buf: not a value for it" in err, err)
    _, err = vsockadm(vsockd, "set-prop", "nothing=1", status=1)
    check("nothing: no such property" in err, err)
    vsockadm(vsockd, "reset-prop", "recv-buf", "send-buf", "extra-priv-ports")
    check_equal("recv-buf", prop(vsockd, "recv-buf"), str(BUF))
    check_equal("ports", prop(vsockd, "extra-priv-ports"), "")

    _, err = vsockadm(vsockd, "set-prop", "-z", "7", "recv-buf=1M", status=1)
    check("recv-buf: no such zone" in err, err)
    _, err = vsockadm(vsockd, "get-prop", "-z", "sieve", status=1)
    check("sieve: no such zone" in err, err)
    out, _ = vsockadm(vsockd, "get-prop", "-z", "0", "-p", "-o", "value",
                      "recv-buf")
    check_equal("recv-buf of zone 0", out, f"{BUF}\n")

    # Loopback goes, with its connections, and comes back; the host's stays.
    sfd, cfd = connection(guest, guest, LOCAL, lab.port())
    vsockadm(vsockd, "set-prop", "loopback=off")
    guest.refused("ECONNRESET", "recv", fd=cfd)
    guest.call("close", fd=sfd)
    guest.call("close", fd=cfd)
    guest.refused("EAFNOSUPPORT", "connect", cid=LOCAL, port=lab.port())
    check_equal("transports", [line["name"] for line in show(
        vsockd, "show-transport", ["name", "local"])], ["virtio0"])
    check_equal("loopback", prop(lab.host_vsockd, "loopback"), "on")
    vsockadm(vsockd, "reset-prop", "loopback")
    sfd, cfd = connection(guest, guest, LOCAL, lab.port())
    transfer(guest, cfd, guest, sfd, seed=4, count=1000)
    guest.call("close", fd=sfd)
    guest.call("close", fd=cfd)


# Capture

UNKNOWN, CONNECT, DISCONNECT, CONTROL, PAYLOAD = range(5)
MON = struct.Struct("<QQIIHHH2x")
VIRTIO = struct.Struct("<QQIIIHHIII")
LINKTYPE_VSOCK = 271

Packet = collections.namedtuple("Packet", "src dst op transport header data "
                                          "length")


def parse_pcap(data):
    """The packets of a capture, each taken apart and checked."""
    magic, major, minor, zone, sigfigs, snaplen, link = struct.unpack_from(
        "=IHHiIII", data)
    check_equal("the head of the file",
                (magic, major, minor, zone, sigfigs, link),
                (0xa1b2c3d4, 2, 4, 0, 0, LINKTYPE_VSOCK))
    packets, offset, last = [], 24, 0
    while offset < len(data):
        sec, usec, caplen, length = struct.unpack_from("=IIII", data, offset)
        offset += 16
        check(caplen <= min(length, snaplen), f"{caplen} of {length} bytes")
        check(usec < 1000000, f"{usec} microseconds")
        check(offset + caplen <= len(data), "the file ends in a packet")
        raw = data[offset:offset + caplen]
        offset += caplen
        when = sec * 1000000 + usec
        check(when >= last, "time goes back")
        last = when
        scid, dcid, sport, dport, op, transport, hdrlen = MON.unpack_from(raw)
        header = None
        if transport == 2:
            check_equal("length of the header", hdrlen, VIRTIO.size)
            header = VIRTIO.unpack_from(raw, MON.size)
            check_equal("addresses", header[:4], (scid, dcid, sport, dport))
        else:
            check_equal("transport, length", (transport, hdrlen), (1, 0))
        payload = raw[MON.size + hdrlen:]
        packets.append(Packet((scid, sport), (dcid, dport), op, transport,
                              header, payload, length))
        if header is not None and caplen == length:
            check_equal("payload", header[4], len(payload))
    return packets


class Snoop(Process):
    """vsockadm snoop, writing to a pipe; it has begun."""

    def __init__(self, lab, vsockd, *args):
        super().__init__(lab, "snoop", [
            program("vsockadm"), "--control", vsockd.control, "snoop", *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.head = self.popen.stdout.read(24)
        check_equal("the head", len(self.head), 24)

    def packets(self, sig=signal.SIGINT):
        """End it: what it has captured."""
        if sig is not None:
            self.popen.send_signal(sig)
        data = self.head + self.popen.stdout.read()
        check_equal(f"the exit status: {self.errors()}", self.wait(), 0)
        packets = parse_pcap(data)
        check_equal("what it said", self.errors(),
                    f"vsockadm: {len(packets)} packets captured, 0 dropped\n")
        return packets


SERVER = """
import socket, sys
s = socket.socket(socket.AF_VSOCK)
s.bind((socket.VMADDR_CID_ANY, int(sys.argv[1])))
s.listen(1)
print("listening", flush=True)
c, _ = s.accept()
while True:
    data = c.recv(65536)
    if not data:
        break
    c.sendall(data.swapcase())
c.close()
"""

CLIENT = """
import socket, sys
c = socket.socket(socket.AF_VSOCK)
c.connect((int(sys.argv[1]), int(sys.argv[2])))
sent = sys.argv[3].encode()
c.sendall(sent)
got = b""
while len(got) < len(sent):
    got += c.recv(65536)
c.shutdown(socket.SHUT_WR)
assert c.recv(1) == b""
print(c.getsockname()[1], flush=True)
"""


def talk(server, client, cid, port, text):
    """The client sends a text, gets it back with its case swapped, and both
    close: the client's port."""
    s = server.run(sys.executable, "-c", SERVER, str(port),
                   stdout=subprocess.PIPE, text=True)
    s.line("listening")
    c = client.run(sys.executable, "-c", CLIENT, str(cid), str(port), text,
                   stdout=subprocess.PIPE, text=True)
    out, _ = c.popen.communicate(timeout=HANG)
    check_equal(f"the client: {c.errors()}", c.wait(), 0)
    check_equal(f"the server: {s.errors()}", s.wait(), 0)
    return int(out)


def ended(lab):
    """All connections have ended: nothing more will be captured."""
    until(lambda: lab.connections() == 0, "all connections have ended")


@on(PAIR)
def test_snoop(lab):
    lab.guest_vsockd        # which begins both
    text = "".join(f"Line {i}\n" for i in range(2000))
    snoops = [Snoop(lab, lab.host_vsockd), Snoop(lab, lab.guest_vsockd)]
    port = lab.port()
    client = (GUEST, talk(lab.host_vsockd, lab.guest_vsockd, HOST, port, text))
    server = (HOST, port)
    ended(lab)
    captures = [snoop.packets() for snoop in snoops]
    for packets in captures:
        check(all(p.transport == 2 for p in packets), "all are virtio's")
        check(all({p.src, p.dst} == {client, server} for p in packets),
              "all are of the connection")
        check_equal("the first two",
                    [(p.op, p.src, p.header[6]) for p in packets[:2]],
                    [(CONNECT, client, 1), (CONNECT, server, 2)])
        for src, sent in (client, text), (server, text.swapcase()):
            data = b"".join(p.data for p in packets
                            if p.op == PAYLOAD and p.src == src)
            check_equal(f"what {src} has sent", data, sent.encode())
        check(all(p.data == b"" for p in packets if p.op != PAYLOAD),
              "payload of a packet that has none")
        ops = {(p.op, p.header[6]) for p in packets}
        check(ops <= {(CONNECT, 1), (CONNECT, 2), (DISCONNECT, 3),
                      (DISCONNECT, 4), (PAYLOAD, 5), (CONTROL, 6),
                      (CONTROL, 7)}, f"{ops}")
        check((DISCONNECT, 4) in ops, "there is no SHUTDOWN")
        check_equal("the last", packets[-1].header[6], 3)
    # Both ends of the wire have seen the same, in each direction.
    for src in client, server:
        check_equal(f"packets of {src}", *(
            [p for p in packets if p.src == src] for packets in captures))


@on(PAIR)
def test_snoop_loopback(lab):
    vsockd = lab.host_vsockd
    snoop = Snoop(lab, vsockd)
    port = lab.port()
    client = (LOCAL, talk(vsockd, vsockd, LOCAL, port, "Hello, self"))
    server = (LOCAL, port)
    lab.host.refused("ECONNRESET", "connect", cid=LOCAL, port=port)
    ended(lab)
    packets = snoop.packets(signal.SIGTERM)
    check(all(p.transport == 1 for p in packets), "none has a header")
    check_equal("connecting", [(p.op, p.src, p.dst) for p in packets[:2]],
                [(CONNECT, client, server), (CONNECT, server, client)])
    check_equal("what was sent", [(p.src, p.data) for p in packets
                                  if p.op == PAYLOAD],
                [(client, b"Hello, self"), (server, b"hELLO, SELF")])
    check_equal("the refusal", [(p.op, p.dst[1] == port, p.src[1] == port)
                                for p in packets[-2:]],
                [(CONNECT, True, False), (DISCONNECT, False, True)])


@on(PAIR)
def test_snoop_options(lab):
    vsockd = lab.host_vsockd
    path = os.path.join(lab.dir, "out.pcap")
    snoop = Process(lab, "snoop", [
        program("vsockadm"), "--control", vsockd.control, "snoop", "-c", "3",
        "-s", "40", "-w", path])
    until(lambda: os.path.exists(path) and os.path.getsize(path) == 24,
          "the capture has begun")
    talk(vsockd, vsockd, LOCAL, lab.port(), "0123456789")
    # It ends by itself.
    check_equal(f"the exit status: {snoop.errors()}", snoop.wait(), 0)
    check("3 packets captured, 0 dropped" in snoop.errors(), snoop.errors())
    with open(path, "rb") as f:
        packets = parse_pcap(f.read())
    check_equal("packets", [(p.op, p.length, p.data) for p in packets],
                [(CONNECT, 32, b""), (CONNECT, 32, b""),
                 (PAYLOAD, 42, b"01234567")])

    # Where it cannot write, and when the reader goes.
    vsockadm(vsockd, "snoop", "-w", lab.dir, status=1)
    snoop = Snoop(lab, vsockd)
    snoop.popen.stdout.close()
    talk(vsockd, vsockd, LOCAL, lab.port(), "nobody reads this")
    check_equal("the exit status without a reader", snoop.wait(), 1)
    until(lambda: int(stat(vsockd, "captured")) > 0, "packets were captured")
    for args in (["-s", "31"], ["-s", "x"], ["-c", "0"], ["-b", "1"], ["-q"],
                 ["-w"], ["what"]):
        vsockadm(vsockd, "snoop", *args, status=2)


def stat(vsockd, name):
    """A statistic of the global zone."""
    out, _ = vsockadm(vsockd, "show-stats", "-p", "-o",
                      "module,instance,statistic,value")
    return one([dict(zip(("module", "instance", "statistic", "value"),
                         split(line))) for line in out.splitlines()],
               module="vsock", instance="0", statistic=name)["value"]


# The control socket itself

VSC_KSTAT_RAW, VSC_DEV_IOCTL, VSC_CAPTURE = 16, 17, 18
IOC = ord("v") << 24 | ord("s") << 16 | ord("k") << 8
REQUEST = struct.Struct("=IIiiiI256s")
REPLY = struct.Struct("=iI256s")


def request(vsockd, op, arg=0, data=b"", length=None):
    """A request: error, data, and the descriptor that came along or None."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(vsockd.control)
        s.send(REQUEST.pack(1, op, arg, 0, 0,
                            len(data) if length is None else length, data))
        s.settimeout(HANG)
        reply, ancillary, _, _ = s.recvmsg(REPLY.size, socket.CMSG_SPACE(4))
    fd = None
    for _, _, fds in ancillary:
        fd = array.array("i", fds)[0]
    error, size, data = REPLY.unpack(reply)
    return error, data[:size], fd


@on(PAIR)
def test_control_hostile(lab):
    """Requests that are wrong are refused, and harm nothing."""
    vsockd = lab.host_vsockd
    size = 176
    for op, arg, data, length, expected in (
            (VSC_DEV_IOCTL, IOC | 1, bytes(size - 1), None, errno.EINVAL),
            (VSC_DEV_IOCTL, IOC | 1, bytes(size + 1), None, errno.EINVAL),
            (VSC_DEV_IOCTL, IOC | 1, b"", None, errno.EINVAL),
            (VSC_DEV_IOCTL, IOC | 1, bytes(size), 2 ** 32 - 1, errno.EINVAL),
            (VSC_DEV_IOCTL, IOC | 4, bytes(size), None, errno.ENOTTY),
            (VSC_DEV_IOCTL, 0x7b9, bytes(size), None, errno.ENOTTY),
            (VSC_DEV_IOCTL, 0, bytes(size), None, errno.ENOTTY),
            (VSC_DEV_IOCTL, IOC | 1, b"\xff" * size, None, errno.ENXIO),
            (VSC_DEV_IOCTL, IOC | 1, b"\xff" * (size - 8) + bytes(8), None,
             errno.EINVAL),
            (VSC_DEV_IOCTL, IOC | 2, b"\xff" * size, None, errno.ENXIO),
            (VSC_KSTAT_RAW, 0, b"", None, errno.EINVAL),
            (VSC_KSTAT_RAW, 0, b"vsock", None, errno.EINVAL),
            (VSC_KSTAT_RAW, 0, b"x" * 256, None, errno.EINVAL),
            (VSC_KSTAT_RAW, 0, b"\0:x", None, errno.EINVAL),
            (VSC_KSTAT_RAW, 0, b"x:y", 257, errno.EINVAL),
            (VSC_CAPTURE, 0, b"", None, errno.EINVAL),
            (VSC_CAPTURE, 0, b"\xff" * 8, None, errno.EINVAL),
            (VSC_CAPTURE, 0, bytes(9), None, errno.EINVAL)):
        error, _, fd = request(vsockd, op, arg, data, length)
        check_equal(f"the answer to {op} {arg:x} {data[:8]} {length}", error,
                    expected)
        check_equal("a descriptor with it", fd, None)
    # Names of nothing: an empty file.
    for data in b"x:y", b":", b"vsock:vsock", b"x" * 254 + b":y":
        error, _, fd = request(vsockd, VSC_KSTAT_RAW, 0, data)
        check_equal("the answer", error, 0)
        check_equal("the file", os.read(fd, 1), b"")
        os.close(fd)
    vsockadm(vsockd, "show-transport")


@on(PAIR)
def test_capture_not_read(lab):
    """One that captures and does not read loses packets, and nobody else
    anything; when it ends, and with it the capture, others can begin."""
    vsockd, host = lab.host_vsockd, lab.host
    captures = []
    for _ in range(8):
        error, _, fd = request(vsockd, VSC_CAPTURE, 0,
                               struct.pack("=II", 256 * 1024, 0))
        check_equal("the answer", error, 0)
        captures.append(fd)
    error, _, _ = request(vsockd, VSC_CAPTURE, 0, bytes(8))
    check_equal("one more", error, errno.EAGAIN)
    before = int(stat(vsockd, "capture_drops"))
    sfd, cfd = connection(host, host, LOCAL, lab.port())
    transfer(host, cfd, host, sfd, seed=5, count=8 * MIB)
    check(int(stat(vsockd, "capture_drops")) > before, "nothing was lost")

    # What one has that reads at last is whole, and tells what it lost.
    os.set_blocking(captures[0], False)
    data = b""

    def read():
        nonlocal data
        try:
            data += os.read(captures[0], 1 << 20)
        except BlockingIOError:
            pass
        return len(data) > 256 * 1024
    until(read, "what was in the ring and the socket")
    offset = last = 0
    while offset + 32 <= len(data):
        size, caplen, _, nsec, _, drops = struct.unpack_from("=IIIIqQ", data,
                                                             offset)
        check(size % 8 == 0 and caplen + 32 <= size < caplen + 40 and
              nsec < 10 ** 9, f"record of {size} bytes with {caplen}")
        check(drops >= last, f"{drops} lost after {last}")
        last = drops
        offset += size
    for fd in captures:
        os.close(fd)

    def again():
        error, _, fd = request(vsockd, VSC_CAPTURE, 0, bytes(8))
        if fd is not None:
            os.close(fd)
        return error == 0
    until(again, "the captures are over")
    host.call("close", fd=sfd)
    host.call("close", fd=cfd)


@on(PAIR)
def test_manners(lab):
    vsockd = lab.host_vsockd
    for args, text in (
            ([], "which command?"),
            (["show"], 'unknown command "show"'),
            (["show-listener", "-q"], "unknown option -q"),
            (["show-listener", "-a"], "unknown option -a"),
            (["show-listener", "-o"], "option -o requires an argument"),
            (["show-listener", "-p"], "option -p requires -o"),
            (["show-listener", "-p", "-o", "all"], "not to be combined"),
            (["show-listener", "-o", "local,,type"], 'unknown field ""'),
            (["show-listener", "-o", "locale"], 'unknown field "locale"'),
            (["show-listener", "-o", ",".join(["port"] * 33)],
             "too many fields"),
            (["show-listener", "5"], "too many operands"),
            (["show-transport", "a", "b"], "too many operands"),
            (["set-prop"], "which property?"),
            (["set-prop", "loopback"], "there is no value"),
            (["set-prop", "-n", "loopback=on"], "unknown option -n"),
            (["set-prop", "-z"], "option -z requires an argument"),
            (["reset-prop"], "which property?")):
        out, err = vsockadm(vsockd, *args, status=2)
        check(out == "" and text in err and "usage: vsockadm" in err,
              f"{args}: {out} {err}")

    # Columns have a heading.  What earlier tests still serve is listed, too.
    out, _ = vsockadm(vsockd, "show-transport", "-o", "Name,DIRECTION")
    check_equal("the heading", out.splitlines()[0].split(),
                ["NAME", "DIRECTION"])
    out, _ = vsockadm(vsockd, "show-listener")
    check_equal("the heading", out.splitlines()[0].split(),
                ["LOCAL", "TYPE", "ZONE"])
    out, _ = vsockadm(vsockd, "show-connection", "-o", "all")
    check_equal("fields", len(out.splitlines()[0].split()), 21)
    # Several fields are escaped, one is not; names or numbers.
    port = lab.port()
    lfd = lab.host.call("listen", port=port)["fd"]
    for args, expected in ((["-o", "local,port"], f"any\\:{port}:{port}\n"),
                           (["-o", "local"], f"any:{port}\n")):
        out, _ = vsockadm(vsockd, "show-listener", "-p", *args)
        check(expected in out.splitlines(keepends=True),
              f"{expected!r} is not in {out!r}")
    lab.host.call("close", fd=lfd)
    out, _ = vsockadm(vsockd, "show-transport", "-p", "-o", "name,local",
                      "vsocklo0")
    check_equal("by name", out, "vsocklo0:local\n")
    out, _ = vsockadm(vsockd, "show-transport", "-np", "-o", "name,local",
                      "vsocklo0")
    check_equal("by number", out, "vsocklo0:1\n")

    # A socket with a port and no peer, listening or not, is seen with -a.
    check_equal("connections", show(vsockd, "show-connection",
                                    ["local", "remote"]), [])
    lfd = lab.host.call("listen", port=port)["fd"]
    line = one(show(vsockd, "show-connection", ["local", "remote", "state"],
                    "-a"), local=f"any:{port}")
    check_equal("the listener", (line["remote"], line["state"]),
                ("", "listen"))
    lab.host.call("close", fd=lfd)

    # Standard output that is full; a system that is not there, or not said.
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [program("vsockadm"), "--control=" + vsockd.control, "get-prop"],
            stdout=full, stderr=subprocess.PIPE, timeout=HANG, check=False)
    check_equal("with a full standard output", result.returncode, 1)
    environment = {k: v for k, v in os.environ.items() if k != "VSOCK_CONTROL"}
    for env, control, status in (
            ({}, [], 2),
            ({}, ["--control"], 2),
            ({}, ["--control", lab.dir], 1),
            ({}, ["--control", "x" * 200], 1),
            ({"VSOCK_CONTROL": vsockd.control}, [], 0)):
        result = subprocess.run(
            [program("vsockadm"), *control, "get-prop"], timeout=HANG,
            env={**environment, **env}, capture_output=True, check=False)
        check_equal(f"with {env} {control}: {result.stderr}",
                    result.returncode, status)


@on(PAIR)
def test_probes(lab):
    """The probes are in vsockd, for tracers to find."""
    out = subprocess.run(["readelf", "-n", program("vsockd")], check=True,
                         timeout=HANG, text=True, capture_output=True).stdout
    found = set()
    for note in out.split("Provider: ")[1:]:
        provider, name, *_ = (line.strip() for line in note.splitlines())
        found.add((provider, name))
    for name in ("send", "receive", "accept-established", "accept-refused",
                 "connect-established", "connect-refused", "drop-in",
                 "drop-out", "state-change"):
        check(("sdt", f"Name: vsock-{name}") in found,
              f"there is no probe vsock-{name}")


@on(PAIR)
def test_manual(lab):
    """What there is is in the manual page."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "man",
                           "vsockadm.8")) as f:
        words = set(re.findall(r"[\w-]+", f.read()))
    _, err = vsockadm(lab.host_vsockd, status=2)
    commands = re.findall(r"path\] ([\w-]+)", err)
    check_equal("commands", len(commands), 8)
    found = set(commands)
    for command in commands:
        if command.startswith("show-") or command == "get-prop":
            out, _ = vsockadm(lab.host_vsockd, command, "-o", "all")
            found |= set(out.splitlines()[0].split())
    out, _ = vsockadm(lab.host_vsockd, "get-prop", "-p", "-o", "property")
    found |= set(out.split())
    check(len(found) > 50, f"only {found}")
    check_equal("what is missing", found - words, set())
