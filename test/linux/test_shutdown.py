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

"""The end of vsockd: in order, whatever is open.

vsockd unloads its modules, which panics if they leave anything behind, and
must then end with status 0."""

import harness
from harness import check, connection, everywhere, transfer, wait


def with_lab(function):
    """Give the test a lab of its own, whose vsockds it may end."""
    def test(lab):
        own = type(lab)()
        try:
            function(own)
            own.terminate()
        except Exception as e:
            raise harness.Failed(f"{e}\n{own.report()}") from e
        finally:
            own.discard()
    test.__doc__ = function.__doc__
    return test


@with_lab
def test_idle(lab):
    """Nobody has ever connected."""
    lab.vsockd


@everywhere
@with_lab
def test_open_connections(lab):
    """Connections in all states: idle, stuck, half closed; listeners."""
    stuck = []
    for listener, client, cid in lab.ends():
        listener.call("listen", port=lab.port())
        connection(listener, client, cid, lab.port())
        sfd, cfd = connection(listener, client, cid, lab.port())
        client.call("shutdown", fd=cfd, how="wr")
        sfd, cfd = connection(listener, client, cid, lab.port())
        sending = client.start("send", fd=cfd, seed=1, bytes=1 << 40)
        if client in lab.peers():
            stuck.append(sending)
        sfd, cfd = connection(listener, client, cid, lab.port())
        transfer(client, cfd, listener, sfd, seed=2, count=1000)
    lab.terminate()

    # The programs under vsockrun are told.
    for future in stuck:
        try:
            wait(future, "the end of a send without a vsockd")
            raise harness.Failed("a send without a vsockd succeeded")
        except harness.RemoteError as e:
            check(e.errno in ("EPIPE", "ECONNRESET"), f"{e}")
