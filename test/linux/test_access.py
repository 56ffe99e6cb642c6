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

"""What a guest may reach, from the side of the one who should be refused."""

import glob

import harness
from harness import HOST, PAIR, check, check_equal, on
from labs import LocalVsockd

CID = 7
ALLOWED = (2000, 2009, 2022)
REFUSED = (1999, 2010, 2021, 2023, 100000)


@on(PAIR)
def test_allowed_ports(lab):
    """Ports that are not in the list are as if nobody listened there."""
    path = lab.socket("guarded")
    host = lab.begin("guarded", lambda: LocalVsockd(
        lab, "guarded", "--guest",
        f"cid={CID},socket={path},allow=2000-2009,2022")).peer
    guest = lab.begin("guarded-guest", lambda: LocalVsockd(
        lab, "guarded-guest", "--device", f"vhost-user,socket={path}")).peer

    listeners = []
    for port in ALLOWED + REFUSED:
        listeners.append(host.call("listen", port=port)["fd"])
    for port in REFUSED:
        reply = guest.refused("ECONNRESET", "connect", cid=HOST, port=port)
        check(reply["ms"] < 1900, f"only after {reply['ms']} ms")
    for port, lfd in zip(ALLOWED, listeners):
        cfd = guest.call("connect", cid=HOST, port=port)["fd"]
        accepted = host.call("accept", fd=lfd)
        check_equal("who has connected", accepted["cid"], CID)
        harness.transfer(guest, cfd, host, accepted["fd"], seed=port,
                         count=1000)
        guest.call("close", fd=cfd)
        host.call("close", fd=accepted["fd"])
    # The host may connect to any port of the guest.
    sfd, cfd = harness.connection(guest, host, CID, REFUSED[0])
    harness.transfer(host, cfd, guest, sfd, seed=1, count=1000)
    for remote, fd in (guest, sfd), (host, cfd):
        remote.call("close", fd=fd)
    for lfd in listeners:
        host.call("close", fd=lfd)


@on(PAIR)
def test_confined(lab):
    """A vsockd that runs has given up what it does not need, in all threads."""
    pid = lab.host_vsockd.popen.pid
    tasks = glob.glob(f"/proc/{pid}/task/*/status")
    check(len(tasks) > 1, "it has several threads")
    for path in tasks:
        with open(path, encoding="ascii") as file:
            status = file.read().split("\n")
        check("Seccomp:\t2" in status, f"{path}: calls are filtered")
        check("NoNewPrivs:\t1" in status, f"{path}: no new privileges")
