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

"""Records: SOCK_SEQPACKET between neighbours, whoever connects."""

import harness
from harness import (check, check_equal, connection, everywhere, transfer,
                     wait)

KIB = 1024
SIZE = 256 * KIB                # of a socket's buffer, if nobody changes it


def ends(lab, **kwargs):
    """All connections: who sends, its fd, who receives, its fd."""
    for listener, client, cid in lab.ends():
        for back in False, True:
            sfd, cfd = connection(listener, client, cid, lab.port(),
                                  type="seqpacket", **kwargs)
            if back:
                yield listener, sfd, client, cfd
            else:
                yield client, cfd, listener, sfd
            client.call("close", fd=cfd)
            listener.call("close", fd=sfd)


def expect(receiver, fd, seed, size, eor=0, trunc=0, room=None, flags="",
           got=None):
    """One recvmsg() must give this."""
    fields = receiver.call("get", fd=fd, seed=seed, room=room or size + 1,
                           flags=flags)
    check_equal(f"a record of {size}", fields,
                {"bytes": size if got is None else got, "trunc": trunc,
                 "eor": eor})


@everywhere
def test_boundaries(lab):
    """Records of 1 byte to 1 MiB, mixed; their sizes and every byte."""
    for sender, fd, receiver, rfd in ends(lab, size=harness.MIB):
        for size in (1, 2, 3, 43, 44, 45, 511, 512, 3732, 3733, 4096, 16340,
                     16341, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, SIZE,
                     harness.MIB):
            putting = sender.start("put", fd=fd, seed=size, bytes=size)
            expect(receiver, rfd, size, size)
            check_equal("bytes sent", wait(putting)["bytes"], size)
        for seed, msg in enumerate((1, 7, 600, 5000, 64 * KIB, SIZE,
                                    harness.MIB)):
            transfer(sender, fd, receiver, rfd, seed=seed,
                     count=min(2 * harness.MIB, 1000 * msg), msg=msg)


@everywhere
def test_mark(lab):
    """MSG_EOR arrives with the record that it was sent with."""
    for sender, fd, receiver, rfd in ends(lab):
        sizes = 1, 100, 70000, 5, 200000, 3
        for i, size in enumerate(sizes):
            putting = sender.start("put", fd=fd, seed=i, bytes=size,
                                   flags="eor" if i % 2 else "")
            expect(receiver, rfd, i, size, eor=i % 2)
            wait(putting)
        for i in range(20):
            sender.call("put", fd=fd, seed=i, bytes=100,
                        flags="eor" if i % 3 == 0 else "")
        for i in range(20):
            expect(receiver, rfd, i, 100, eor=int(i % 3 == 0))


@everywhere
def test_short_buffer(lab):
    """The rest of a record is lost, and said to be; the next is whole."""
    for sender, fd, receiver, rfd in ends(lab):
        for i, size in enumerate((10, 70000, 10, 70000, 10)):
            putting = sender.start("put", fd=fd, seed=i, bytes=size)
            if i == 4:
                expect(receiver, rfd, i, size)
            else:
                expect(receiver, rfd, i, size, trunc=1, room=4, got=4)
            wait(putting)


@everywhere
def test_peek(lab):
    """MSG_PEEK leaves a record, MSG_WAITALL does not want two."""
    for sender, fd, receiver, rfd in ends(lab):
        for seed, size in (1, 100), (2, 50), (3, 70000):
            sender.call("put", fd=fd, seed=seed, bytes=size)
        # Linux does not know MSG_PEEK of records before 6.6.
        if receiver in lab.peers():
            for _ in range(3):
                expect(receiver, rfd, 1, 100, flags="peek")
            expect(receiver, rfd, 1, 100, flags="peek", room=10, trunc=1,
                   got=10)
        expect(receiver, rfd, 1, 100, flags="waitall", room=1000)
        expect(receiver, rfd, 2, 50, flags="waitall", room=1000)
        expect(receiver, rfd, 3, 70000, flags="waitall", room=100000)
        receiver.refused("EAGAIN", "get", fd=rfd, flags="dontwait")


@everywhere
def test_too_large(lab):
    """What the receiver's buffer could never hold is refused at once."""
    def refused(sender, fd, size):
        # Linux says ENOMEM for everything before 6.2.
        try:
            fields = sender.call("put", fd=fd, bytes=size)
        except harness.RemoteError as e:
            check(e.errno == "EMSGSIZE" or
                  (e.errno == "ENOMEM" and sender not in lab.peers()), f"{e}")
            return
        raise harness.Failed(f"a record of {size} bytes was sent: {fields}")

    for sender, fd, receiver, rfd in ends(lab):
        for size in SIZE + 1, 4 * SIZE, 3 * harness.MIB:
            refused(sender, fd, size)
        putting = sender.start("put", fd=fd, seed=1, bytes=SIZE)
        expect(receiver, rfd, 1, SIZE)
        wait(putting)
    for sender, fd, receiver, rfd in ends(lab, size=8 * KIB):
        refused(sender, fd, 8 * KIB + 1)
        putting = sender.start("put", fd=fd, seed=2, bytes=8 * KIB)
        expect(receiver, rfd, 2, 8 * KIB)
        wait(putting)


@everywhere
def test_beyond_credit(lab):
    """Records that have no room yet: they go on as others are read."""
    for sender, fd, receiver, rfd in ends(lab):
        count = 8 * harness.MIB
        sending = sender.start("send", fd=fd, seed=5, bytes=count,
                               msg=SIZE)

        # Until it stops: its records do not end where the window does.
        last = -1
        other = connection(receiver, sender, cid_of(lab, receiver, sender),
                           lab.port())
        while True:
            transfer(sender, other[1], receiver, other[0], seed=6,
                     count=harness.MIB)
            now = sender.call("progress", fd=fd)["sent"]
            if now == last and now > 0:
                break
            last = now
        check(not sending.done(), "the sender waits")
        got = receiver.call("recv", fd=rfd, seed=5, bytes=count, msg=SIZE)
        check_equal("bytes received", got["bytes"], count)
        check_equal("bytes sent", wait(sending)["bytes"], count)
        receiver.call("close", fd=other[0])
        sender.call("close", fd=other[1])


def cid_of(lab, listener, client):
    """The CID by which the client reaches the listener."""
    return next(cid for a, b, cid in lab.ends()
                if a is listener and b is client)


@everywhere
def test_both_at_once(lab):
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port(),
                              type="seqpacket")
        count = 8 * harness.MIB
        futures = []
        for seed, (a, afd, b, bfd) in enumerate((
                (client, cfd, listener, sfd), (listener, sfd, client, cfd))):
            futures.append(b.start("recv", fd=bfd, seed=seed, bytes=count,
                                   msg=SIZE))
            futures.append(a.start("send", fd=afd, seed=seed, bytes=count,
                                   msg=SIZE))
        for future in futures:
            check_equal("bytes", wait(future)["bytes"], count)
        client.call("close", fd=cfd)
        listener.call("close", fd=sfd)


@everywhere
def test_half_close(lab):
    """The end comes after the last record; the other direction goes on."""
    for sender, fd, receiver, rfd in ends(lab):
        putting = sender.start("put", fd=fd, seed=1, bytes=200000)
        expect(receiver, rfd, 1, 200000)
        wait(putting)
        for i in range(10):
            sender.call("put", fd=fd, seed=i, bytes=1000)
        sender.call("shutdown", fd=fd, how="wr")
        sender.refused("EPIPE", "put", fd=fd, bytes=1)
        for i in range(10):
            expect(receiver, rfd, i, 1000)
        expect(receiver, rfd, 0, 0, room=100)
        putting = receiver.start("put", fd=rfd, seed=2, bytes=200000)
        expect(sender, fd, 2, 200000)
        wait(putting)


@everywhere
def test_close(lab):
    """What was sent before a close arrives, record by record."""
    for listener, client, cid in lab.ends():
        for sender, receiver in (listener, client), (client, listener):
            sfd, cfd = connection(listener, client, cid, lab.port(),
                                  type="seqpacket")
            fd, rfd = (sfd, cfd) if sender is listener else (cfd, sfd)
            for i in range(100):
                sender.call("put", fd=fd, seed=i, bytes=1 + i * 10)
            sender.call("close", fd=fd)
            for i in range(100):
                expect(receiver, rfd, i, 1 + i * 10)
            expect(receiver, rfd, 0, 0, room=100)
            receiver.call("close", fd=rfd)


@everywhere
def test_types_refused(lab):
    """A listener of the other type is like none."""
    for listener, client, cid in lab.ends():
        for one, other in (("stream", "seqpacket"), ("seqpacket", "stream")):
            port = lab.port()
            lfd = listener.call("listen", port=port, type=one)["fd"]
            client.refused("ECONNRESET", "connect", cid=cid, port=port,
                           type=other)
            cfd = client.call("connect", cid=cid, port=port, type=one)["fd"]
            sfd = listener.call("accept", fd=lfd)["fd"]
            transfer(client, cfd, listener, sfd, seed=1, count=1000)
            client.call("close", fd=cfd)
            for fd in sfd, lfd:
                listener.call("close", fd=fd)


@everywhere
def test_small_flood(lab):
    """As many small records as the sender can, before anything is read; and
    then they are all there."""
    for sender, fd, receiver, rfd in ends(lab):
        count = 30000
        sending = sender.start("send", fd=fd, seed=7, bytes=count, msg=3)
        last = -1
        other = connection(receiver, sender, cid_of(lab, receiver, sender),
                           lab.port())
        while not sending.done():
            transfer(sender, other[1], receiver, other[0], seed=6,
                     count=harness.MIB)
            now = sender.call("progress", fd=fd)["sent"]
            if now == last:
                break
            last = now
        got = receiver.call("recv", fd=rfd, seed=7, bytes=count, msg=3)
        check_equal("bytes received", got["bytes"], count)
        check_equal("bytes sent", wait(sending)["bytes"], count)
        receiver.call("close", fd=other[0])
        sender.call("close", fd=other[1])


@everywhere
def test_random(lab):
    """Random connections, each way, many at a time."""
    for listener, client, cid in lab.ends():
        port = lab.port()
        server = listener.call("serve", port=port, type="seqpacket")["server"]
        got = client.call("run", cid=cid, port=port, type="seqpacket", seed=8,
                          parallel=10, count=200, max=harness.MIB, msg=SIZE)
        check_equal("connections", got["conns"], 200)
        harness.until(
            lambda: listener.call("served", server=server)["open"] == 0,
            "all connections have ended")
        check_equal("errors", listener.call("served", server=server)["errors"],
                    0)
