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

"""Data between host and guest, whoever connects, in both directions."""

import hashlib
import os
import random
import subprocess

import harness
from harness import check_equal, connection, program, transfer, wait

SIZE = 16 * harness.MIB


def test_stream_both_ways(lab):
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        transfer(client, cfd, listener, sfd, seed=1, count=SIZE)
        transfer(listener, sfd, client, cfd, seed=2, count=SIZE)
        client.call("close", fd=cfd)
        check_equal("after the close", listener.call("recv", fd=sfd),
                    {"bytes": 0, "eof": 1})
        listener.call("close", fd=sfd)


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


def test_small_messages(lab):
    """Many messages of a few bytes: more packets than bytes of credit."""
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        transfer(client, cfd, listener, sfd, seed=3, count=100000, msg=8)
        transfer(listener, sfd, client, cfd, seed=4, count=100000, msg=8)
        client.call("close", fd=cfd)
        listener.call("close", fd=sfd)


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


def test_data_before_close(lab):
    """What was sent before a close arrives, though nobody read it yet."""
    for listener, client, cid in lab.ends():
        sfd, cfd = connection(listener, client, cid, lab.port())
        client.call("send", fd=cfd, seed=9, bytes=50000)
        client.call("close", fd=cfd)
        check_equal("after the close", listener.call("recv", fd=sfd, seed=9),
                    {"bytes": 50000, "eof": 1})
        listener.call("close", fd=sfd)


def test_addresses(lab):
    """Each side sees the other by its CID."""
    guest = lab.guest()
    for listener, client, cid, peer_cid in (
            (guest.agent, lab.peer, guest.cid, harness.HOST),
            (lab.peer, guest.agent, harness.HOST, guest.cid)):
        port = lab.port()
        lfd = listener.call("listen", port=port)["fd"]
        cfd = client.call("connect", cid=cid, port=port)["fd"]
        got = listener.call("accept", fd=lfd)
        check_equal("the peer's CID", got["cid"], peer_cid)
        for fd in lfd, got["fd"]:
            listener.call("close", fd=fd)
        client.call("close", fd=cfd)


def test_files(lab):
    """Files by vcat, a program that knows nothing of the engine; SHA-256."""
    guest = lab.guest()
    path = os.path.join(lab.dir, "file")
    data = random.Random(10).randbytes(SIZE)
    digest = hashlib.sha256(data).hexdigest()
    with open(path, "wb") as f:
        f.write(data)

    # The host connects and sends, then receives the same.
    port = lab.port()
    guest.agent.shell(f"vcat -b {port} </dev/null >file")
    with open(path, "rb") as f:
        check_equal("vcat", lab.run(program("vcat"), str(guest.cid), str(port),
                                    stdin=f).wait(), 0)
    check_equal("the guest's SHA-256",
                guest.agent.shell("sha256sum file").split()[0], digest)
    guest.agent.shell(f"vcat -b {port} <file >/dev/null")
    with open(path, "wb") as f:
        check_equal("vcat", lab.run(program("vcat"), str(guest.cid), str(port),
                                    stdin=subprocess.DEVNULL,
                                    stdout=f).wait(), 0)
    with open(path, "rb") as f:
        check_equal("the host's SHA-256",
                    hashlib.sha256(f.read()).hexdigest(), digest)

    # The guest connects, and files go both ways at once.
    port = lab.port()
    with open(path, "rb") as f, open(path + ".back", "wb") as g:
        vcat = lab.vcat_listen(port, stdin=f, stdout=g)
    guest.agent.shell(f"vcat {harness.HOST} {port} <file >back && "
                      "cmp file back && rm file back")
    check_equal("vcat", vcat.wait(), 0)
    with open(path + ".back", "rb") as f:
        check_equal("the host's SHA-256",
                    hashlib.sha256(f.read()).hexdigest(), digest)
