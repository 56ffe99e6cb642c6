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

"""Data between neighbours, whoever connects, in both directions."""

import harness
from harness import (check_equal, connection, everywhere, transfer, wait,
                     with_shell)

SIZE = 16 * harness.MIB


@everywhere
def test_stream_both_ways(lab):
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        transfer(client, cfd, listener, sfd, seed=1, count=SIZE)
        transfer(listener, sfd, client, cfd, seed=2, count=SIZE)
        client.call("close", fd=cfd)
        check_equal("after the close", listener.call("recv", fd=sfd),
                    {"bytes": 0, "eof": 1})
        listener.call("close", fd=sfd)


@everywhere
def test_stream_both_at_once(lab):
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        futures = []
        for seed, (a, afd, b, bfd) in enumerate((
                (client, cfd, listener, sfd), (listener, sfd, client, cfd))):
            futures.append(b.start("recv", fd=bfd, seed=seed, bytes=SIZE))
            futures.append(a.start("send", fd=afd, seed=seed, bytes=SIZE,
                                   msg=harness.MIB))
        for future in futures:
            check_equal("bytes", wait(future)["bytes"], SIZE)
        client.call("close", fd=cfd)
        listener.call("close", fd=sfd)


@everywhere
def test_small_messages(lab):
    """Many messages of a few bytes: more packets than bytes of credit."""
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        transfer(client, cfd, listener, sfd, seed=3, count=100000, msg=8)
        transfer(listener, sfd, client, cfd, seed=4, count=100000, msg=8)
        client.call("close", fd=cfd)
        listener.call("close", fd=sfd)


@everywhere
def test_half_close(lab):
    """The end of one direction is seen while the other goes on."""
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        client.call("send", fd=cfd, seed=7, bytes=1000)
        client.call("shutdown", fd=cfd, how="wr")
        check_equal("up to the end", listener.call("recv", fd=sfd, seed=7),
                    {"bytes": 1000, "eof": 1})
        client.refused("EPIPE", "send", fd=cfd, seed=7, bytes=1)
        transfer(listener, sfd, client, cfd, seed=8, count=harness.MIB)
        listener.call("shutdown", fd=sfd, how="wr")
        check_equal("the other end", client.call("recv", fd=cfd),
                    {"bytes": 0, "eof": 1})
        client.call("close", fd=cfd)
        listener.call("close", fd=sfd)


@everywhere
def test_data_before_close(lab):
    """What was sent before a close arrives, though nobody read it yet."""
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        client.call("send", fd=cfd, seed=9, bytes=50000)
        client.call("close", fd=cfd)
        check_equal("after the close", listener.call("recv", fd=sfd, seed=9),
                    {"bytes": 50000, "eof": 1})
        listener.call("close", fd=sfd)


@everywhere
def test_addresses(lab):
    """The listener knows both sides by the CIDs that reach them."""
    ways = {(listener, client): cid for listener, client, cid in lab.ends()}
    for (listener, client), cid in ways.items():
        port = lab.port()
        lfd = listener.call("listen", port=port)["fd"]
        cfd = client.call("connect", cid=cid, port=port)["fd"]
        got = listener.call("accept", fd=lfd)
        check_equal("the client's CID", got["cid"], ways[client, listener])
        check_equal("the listener's CID", got["local"], cid)
        for fd in lfd, got["fd"]:
            listener.call("close", fd=fd)
        client.call("close", fd=cfd)


@with_shell
def test_files(lab):
    """Files by vcat, a program that knows nothing of the engine; SHA-256."""
    def digest(engine, name):
        return engine.shell(f"sha256sum {name}").split()[0]

    for listener, client, cid in lab.ends():
        client.shell(f"head -c {SIZE} /dev/urandom >file")

        # The client sends, then receives the same.
        port = lab.port()
        listener.shell(f"vcat -b {port} </dev/null >copy")
        client.shell(f"vcat {cid} {port} <file >/dev/null")
        check_equal("the listener's SHA-256", digest(listener, "copy"),
                    digest(client, "file"))
        listener.shell(f"vcat -b {port} <copy >/dev/null")
        client.shell(f"vcat {cid} {port} </dev/null >back")
        client.shell("cmp file back")

        # Files go both ways at once.
        listener.shell(f"vcat -b {port} <copy >copy2")
        client.shell(f"vcat {cid} {port} <file >back")
        client.shell("cmp file back")
        harness.until(
            lambda: listener.shell("cmp -s copy copy2 && echo same || true"),
            "the listener has all of it, and it is the same")
        listener.shell("rm copy copy2")
        client.shell("rm file back")
