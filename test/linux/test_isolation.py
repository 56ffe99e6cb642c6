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

"""Two guests of one hypervisor: neither can reach or disturb the other."""

import harness
from harness import check, check_equal, connection, wait

SIZE = 16 * harness.MIB


def test_two_guests(lab):
    a, b = lab.guest("a"), lab.guest("b")

    # Both have a connection each way with the host, in use all the time.
    futures = []
    ends = []
    for guest in a, b:
        for listener, client, cid in (
                (guest.agent, lab.peer, guest.cid),
                (lab.peer, guest.agent, harness.HOST)):
            sfd, cfd = connection(listener, client, cid, lab.port())
            ends += [(listener, sfd), (client, cfd)]
            futures.append(listener.start("recv", fd=sfd, seed=1, bytes=SIZE))
            futures.append(client.start("send", fd=cfd, seed=1, bytes=SIZE))

    # Guest b listens, guest a connects: to b's CID, to which nobody answers.
    port = lab.port()
    lfd = b.agent.call("listen", port=port)["fd"]
    accepting = b.agent.start("accept", fd=lfd)
    before = lab.vsockd.refused_addresses()
    a.agent.refused("ECONNRESET", "connect", cid=b.cid, port=port)
    check(lab.vsockd.refused_addresses() > before,
          "the attempt has been counted")

    # It was not for want of a listener.
    cfd = lab.peer.call("connect", cid=b.cid, port=port)["fd"]
    accepted = wait(accepting)
    check_equal("who has connected", accepted["cid"], harness.HOST)
    ends += [(lab.peer, cfd), (b.agent, lfd), (b.agent, accepted["fd"])]

    for future in futures:
        check_equal("bytes", wait(future)["bytes"], SIZE)
    for remote, fd in ends:
        remote.call("close", fd=fd)


def test_same_ports(lab):
    """The same port in both guests is two ports."""
    port = lab.port()
    for guest, seed in ((lab.guest("a"), 2), (lab.guest("b"), 3)):
        sfd, cfd = connection(guest.agent, lab.peer, guest.cid, port)
        guest.agent.call("send", fd=sfd, seed=seed, bytes=1000)
        check_equal("bytes", lab.peer.call("recv", fd=cfd, seed=seed,
                                           bytes=1000)["bytes"], 1000)
        guest.agent.call("close", fd=sfd)
        lab.peer.call("close", fd=cfd)
