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

"""Connections that cannot be made, and how that is told."""

import harness
from harness import check, everywhere
from labs import CIDS


@everywhere
def test_no_listener(lab):
    """Refused by the other side, and long before the timeout of 2 s."""
    for listener, client, cid in lab.ends():
        reply = client.refused("ECONNRESET", "connect", cid=cid,
                               port=lab.port())
        check(reply["ms"] < 1900, f"only after {reply['ms']} ms")


def test_no_such_guest(lab):
    lab.guest()
    lab.peer.refused("EAFNOSUPPORT", "connect", cid=99, port=lab.port())


def test_guest_not_connected(lab):
    """A guest that vsockd waits for, but whose QEMU does not run."""
    lab.vsockd
    if "b" in lab.guests:
        lab.stop(lab.guests.pop("b"))

    def absent():
        """It may take vsockd a moment to see that QEMU has gone."""
        try:
            lab.peer.call("connect", cid=CIDS["b"], port=lab.port())
        except harness.RemoteError as e:
            return e.errno == "EAFNOSUPPORT"
        raise harness.Failed("there was somebody")
    harness.until(absent, "the guest is not there")


def test_no_driver(lab):
    """The guest runs, but has not loaded the driver: nobody answers."""
    if "b" in lab.guests:
        lab.stop(lab.guests.pop("b"))
    guest = lab.guest("b", vsock="none")
    reply = lab.peer.refused("ETIMEDOUT", "connect", cid=guest.cid,
                             port=lab.port(), wait=0)
    check(reply["ms"] >= 1900, f"already after {reply['ms']} ms")

    # And with the driver it works.
    port = lab.port()
    guest.agent.shell("modprobe vmw_vsock_virtio_transport")
    sfd, cfd = harness.connection(guest.agent, lab.peer, guest.cid, port)
    harness.transfer(lab.peer, cfd, guest.agent, sfd, seed=1, count=1000)
    guest.agent.call("close", fd=sfd)
    lab.peer.call("close", fd=cfd)


@everywhere
def test_backlog(lab):
    """More connections than the listener holds: the excess is refused."""
    for listener, client, cid in lab.ends():
        port = lab.port()
        lfd = listener.call("listen", port=port, backlog=2)["fd"]
        fds = []
        while len(fds) < 20:
            try:
                fds.append(client.call("connect", cid=cid, port=port)["fd"])
            except harness.RemoteError as e:
                check(e.errno == "ECONNRESET", f"{e}")
                break
        check(2 <= len(fds) < 20, f"{len(fds)} fit a backlog of 2")

        # They are all there, and then there is room again.
        for fd in fds:
            sfd = listener.call("accept", fd=lfd)["fd"]
            listener.call("close", fd=sfd)
            client.call("close", fd=fd)
        fds = [client.call("connect", cid=cid, port=port)["fd"]]
        fds.append(listener.call("accept", fd=lfd)["fd"])
        client.call("close", fd=fds[0])
        listener.call("close", fd=fds[1])
        listener.call("close", fd=lfd)
