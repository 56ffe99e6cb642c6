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

"""A guest that ends, in all the ways it can, and comes back."""

import harness
from harness import (HOST, LINUX_HOST, PAIR, check, check_equal, connection,
                     on, transfer, wait)
from labs import GUEST

SIZE = 8 * harness.MIB


def reset(future):
    """The read that waits must end: with ECONNRESET, or as at the end."""
    try:
        got = wait(future, "the end of a connection of a guest that ended")
        check_equal("end of the connection", got["eof"], 1)
    except harness.RemoteError as e:
        check_equal("the error", e.errno, "ECONNRESET")


def broken(future):
    """The send that waits must fail (Linux 6.1: with ENOMEM, if it finds the
    device gone before it has heard so)."""
    try:
        wait(future, "the end of a send to a guest that ended")
        raise harness.Failed("a send to a guest that ended succeeded")
    except harness.RemoteError as e:
        check(e.errno in ("EPIPE", "ECONNRESET", "ENOMEM"), f"{e}")


def survives(lab, end):
    """`end' ends guest a; it runs again afterwards."""
    a, b, peer = lab.guest("a"), lab.guest("b"), lab.peer
    port = lab.port()

    # A listener on the host, a connection each way, one of them stuck.
    lfd = peer.call("listen", port=port)["fd"]
    a.agent.call("connect", cid=HOST, port=port)
    afd = peer.call("accept", fd=lfd)["fd"]
    _, cfd = connection(a.agent, peer, a.cid, lab.port())
    readers = [peer.start("recv", fd=fd) for fd in (afd, cfd)]
    writer = peer.start("send", fd=cfd, seed=1, bytes=1 << 40)

    # The other guest works through all of this.
    bsfd, bcfd = connection(b.agent, peer, b.cid, lab.port())
    transfer(peer, bcfd, b.agent, bsfd, seed=2, count=SIZE)
    going_on = [b.agent.start("recv", fd=bsfd, seed=3, bytes=SIZE),
                peer.start("send", fd=bcfd, seed=3, bytes=SIZE)]

    end(a)
    for reader in readers:
        reset(reader)
    broken(writer)
    for fd in afd, cfd:
        peer.call("close", fd=fd)
    for future in going_on:
        check_equal("bytes", wait(future)["bytes"], SIZE)
    transfer(b.agent, bsfd, peer, bcfd, seed=4, count=SIZE)
    b.agent.call("close", fd=bsfd)
    peer.call("close", fd=bcfd)

    # The listener is still there for the guest that is back, and the guest is
    # there for the host.
    a = lab.guest("a")
    cfd = a.agent.call("connect", cid=HOST, port=port)["fd"]
    got = peer.call("accept", fd=lfd)
    check_equal("who has connected", got["cid"], a.cid)
    transfer(a.agent, cfd, peer, got["fd"], seed=5, count=SIZE)
    a.agent.call("close", fd=cfd)
    for fd in got["fd"], lfd:
        peer.call("close", fd=fd)
    sfd, cfd = connection(a.agent, peer, a.cid, lab.port())
    transfer(peer, cfd, a.agent, sfd, seed=6, count=SIZE)
    a.agent.call("close", fd=sfd)
    peer.call("close", fd=cfd)


def test_reboot(lab):
    survives(lab, lambda guest: guest.reboot("b"))


def test_panic(lab):
    survives(lab, lambda guest: guest.reboot("c"))


def test_kill(lab):
    """QEMU is killed, and another one takes its place."""
    survives(lab, lab.stop)


def test_unbind(lab):
    """The guest takes the driver off its device and puts it back."""
    survives(lab, lambda guest: guest.agent.shell(
        "cd /sys/bus/virtio/drivers/vmw_vsock_virtio_transport && "
        "d=$(echo virtio*) && echo $d > unbind && echo $d > bind"))


def gone(engine, cid, port):
    """Whether nobody has this CID; a connect must fail in any case."""
    try:
        engine.call("connect", cid=cid, port=port)
    except harness.RemoteError as e:
        return e.errno in ("ENODEV", "EAFNOSUPPORT")
    raise harness.Failed(f"somebody has the CID {cid}")


def guest_vsockd_returns(lab, end):
    """`end' ends the vsockd that is the guest; another takes its place."""
    host, guest = lab.host, lab.guest_vsockd.peer
    port = lab.port()

    # A listener on the host, a connection each way, one of them stuck.
    lfd = host.call("listen", port=port)["fd"]
    guest.call("connect", cid=HOST, port=port)
    afd = host.call("accept", fd=lfd)["fd"]
    _, cfd = connection(guest, host, GUEST, lab.port())
    readers = [host.start("recv", fd=fd) for fd in (afd, cfd)]
    writer = host.start("send", fd=cfd, seed=1, bytes=1 << 40)

    end(lab.guest_vsockd)
    for reader in readers:
        reset(reader)
    broken(writer)
    for fd in afd, cfd:
        host.call("close", fd=fd)
    harness.until(lambda: gone(host, GUEST, port), "the guest has gone")

    guest = lab.guest_vsockd.peer
    cfd = guest.call("connect", cid=HOST, port=port)["fd"]
    got = host.call("accept", fd=lfd)
    check_equal("who has connected", got["cid"], GUEST)
    transfer(guest, cfd, host, got["fd"], seed=2, count=SIZE)
    guest.call("close", fd=cfd)
    for fd in got["fd"], lfd:
        host.call("close", fd=fd)
    sfd, cfd = connection(guest, host, GUEST, lab.port())
    transfer(host, cfd, guest, sfd, seed=3, count=SIZE)
    guest.call("close", fd=sfd)
    host.call("close", fd=cfd)


@on(LINUX_HOST, PAIR)
def test_vsockd_terminated(lab):
    """With connections open it must end with status 0."""
    guest_vsockd_returns(lab, lambda vsockd: vsockd.terminate())


@on(LINUX_HOST, PAIR)
def test_vsockd_killed(lab):
    guest_vsockd_returns(lab, lambda vsockd: vsockd.kill())
