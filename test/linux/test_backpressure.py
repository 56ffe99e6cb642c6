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

"""A receiver that does not read stops its sender, and nobody else."""

import harness
from harness import (check, check_equal, connection, everywhere, transfer,
                     wait)

SIZE = 32 * harness.MIB

# What may be under way besides the receiver's buffer: the sender's own buffer
# and the pipes between programs and vsockd.
SLACK = 2 * harness.MIB


def stop_and_go(sender, receiver, connect):
    """`connect' makes a connection: the sender's fd and the receiver's."""
    slow, rslow = connect()
    fast, rfast = connect()
    window = receiver.call("option", fd=rslow, name="size")["value"]
    sending = sender.start("send", fd=slow, seed=1, bytes=SIZE)

    # The other connection runs all the time, and gives this one time.
    sent = -1
    while True:
        transfer(sender, fast, receiver, rfast, seed=2, count=harness.MIB)
        now = sender.call("progress", fd=slow)["sent"]
        if now == sent and now > 0:
            break
        sent = now
    check(sent <= window + SLACK,
          f"{sent} bytes sent to a buffer of {window}")
    transfer(sender, fast, receiver, rfast, seed=3, count=SIZE)
    transfer(receiver, rfast, sender, fast, seed=4, count=SIZE)
    check_equal("bytes sent since", sender.call("progress", fd=slow)["sent"],
                sent)
    check(not sending.done(), "the sender waits")

    got = receiver.call("recv", fd=rslow, seed=1, bytes=SIZE)
    check_equal("bytes received", got["bytes"], SIZE)
    check_equal("bytes sent", wait(sending)["bytes"], SIZE)
    for fd in slow, fast:
        sender.call("close", fd=fd)
    for fd in rslow, rfast:
        receiver.call("close", fd=fd)


@everywhere
def test_listener_does_not_read(lab):
    for listener, client, cid in lab.ends():
        def connect():
            sfd, cfd = connection(listener, client, cid, lab.port())
            return cfd, sfd
        stop_and_go(client, listener, connect)


@everywhere
def test_client_does_not_read(lab):
    for listener, client, cid in lab.ends():
        def connect():
            return connection(listener, client, cid, lab.port())
        stop_and_go(listener, client, connect)


@everywhere
def test_many_stopped(lab):
    """100 stopped connections each way, and one that runs at full speed."""
    for listener, client, cid in lab.ends():
        stopped = []
        for _ in range(100):
            sfd, cfd = connection(listener, client, cid, lab.port())
            stopped.append((sfd, cfd, client.start(
                "send", fd=cfd, seed=5, bytes=harness.MIB, msg=4096)))
        sfd, cfd = connection(listener, client, cid, lab.port())
        transfer(client, cfd, listener, sfd, seed=6, count=SIZE)
        transfer(listener, sfd, client, cfd, seed=7, count=SIZE)
        client.call("close", fd=cfd)
        listener.call("close", fd=sfd)
        for sfd, cfd, sending in stopped:
            got = listener.call("recv", fd=sfd, seed=5, bytes=harness.MIB)
            check_equal("bytes received", got["bytes"], harness.MIB)
            check_equal("bytes sent", wait(sending)["bytes"], harness.MIB)
            client.call("close", fd=cfd)
            listener.call("close", fd=sfd)
