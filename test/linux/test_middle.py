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

"""A machine that is a guest and a hypervisor at once: 2 is always the next one
out, and nobody gets past the one in the middle."""

import harness
from harness import (HOST, LINUX_GUEST, NESTED, RemoteError, check,
                     check_equal, connection, on, transfer)
from labs import GUEST, NestedLinux

SIZE = 4 * harness.MIB


def check_addresses(lab):
    """Each address, from each side, leads to where it should or nowhere."""
    port = lab.port()
    engines = {"outer": lab.host, "middle": lab.guest_vsockd.peer,
               "inner": lab.inner}
    listeners = {name: engine.call("listen", port=port)["fd"]
                 for name, engine in engines.items()}

    # Nobody is known beyond the neighbour, by whatever number.
    for name, cid in (("outer", lab.INNER), ("inner", GUEST)):
        try:
            engines[name].call("connect", cid=cid, port=port)
        except RemoteError as e:
            check(e.errno in ("EAFNOSUPPORT", "ECONNRESET"),
                  f"{name} to {cid}: {e}")
        else:
            raise harness.Failed(f"{name} has reached {cid}")

    # These are the first that the listeners see, so the others were not.
    for name, cid, server, known_as in (
            ("outer", GUEST, "middle", HOST),
            ("middle", HOST, "outer", GUEST),
            ("middle", lab.INNER, "inner", HOST),
            ("inner", HOST, "middle", lab.INNER)):
        client, listener = engines[name], engines[server]
        cfd = client.call("connect", cid=cid, port=port)["fd"]
        got = listener.call("accept", fd=listeners[server])
        check_equal(f"{name}, as seen by {server}", got["cid"], known_as)
        transfer(client, cfd, listener, got["fd"], seed=cid, count=100)
        client.call("close", fd=cfd)
        listener.call("close", fd=got["fd"])
    for name, fd in listeners.items():
        engines[name].call("close", fd=fd)


@on(NESTED)
def test_addresses(lab):
    check_addresses(lab)


@on(NESTED)
def test_both_sides_at_once(lab):
    """The one in the middle serves both neighbours with the same data."""
    middle = lab.guest_vsockd.peer
    outer_fds = connection(lab.host, middle, HOST, lab.port())
    inner_fds = connection(lab.inner, middle, lab.INNER, lab.port())
    futures = []
    for engine, (sfd, cfd) in ((lab.host, outer_fds), (lab.inner, inner_fds)):
        futures.append(engine.start("recv", fd=sfd, seed=1, bytes=SIZE))
        futures.append(middle.start("recv", fd=cfd, seed=2, bytes=SIZE))
        futures.append(middle.start("send", fd=cfd, seed=1, bytes=SIZE))
        futures.append(engine.start("send", fd=sfd, seed=2, bytes=SIZE))
    for future in futures:
        check_equal("bytes", harness.wait(future)["bytes"], SIZE)
    for engine, (sfd, cfd) in ((lab.host, outer_fds), (lab.inner, inner_fds)):
        engine.call("close", fd=sfd)
        middle.call("close", fd=cfd)


@on(NESTED)
def test_outer_gone(lab):
    """Without its host, the middle has its guest still; 2 leads nowhere."""
    middle = lab.guest_vsockd.peer
    sfd, cfd = connection(lab.inner, middle, lab.INNER, lab.port())
    lab.host_vsockd.terminate()
    harness.until(lambda: unreachable(middle), "the outer host has gone")
    transfer(middle, cfd, lab.inner, sfd, seed=1, count=SIZE)
    transfer(lab.inner, sfd, middle, cfd, seed=2, count=SIZE)
    lab.inner.call("close", fd=sfd)
    middle.call("close", fd=cfd)
    # The next test has them all again.
    lab.host_vsockd
    harness.until(lambda: not unreachable(middle), "the outer host is back")


def unreachable(engine):
    try:
        engine.call("connect", cid=HOST, port=9999, wait=0)
    except RemoteError as e:
        return e.errno != "ECONNRESET"
    raise harness.Failed("nobody listens, yet somebody has accepted")


@on(LINUX_GUEST)
def test_linux_inside(_):
    """The innermost is a Linux."""
    lab = NestedLinux()
    try:
        check_addresses(lab)
        middle = lab.guest_vsockd.peer
        for listener, client, cid in ((lab.inner, middle, lab.INNER),
                                      (middle, lab.inner, HOST)):
            sfd, cfd = connection(listener, client, cid, lab.port())
            transfer(client, cfd, listener, sfd, seed=1, count=SIZE)
            transfer(listener, sfd, client, cfd, seed=2, count=SIZE)
            client.call("close", fd=cfd)
            listener.call("close", fd=sfd)
        lab.terminate()
    finally:
        lab.discard()
