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

"""The engine itself, over Linux's own loopback transport.

Nothing of ours but the engine takes part: when one of these fails, so may the
others, and the fault is not in what they test."""

import os

import harness
from harness import check, check_equal, connection, transfer
from labs import Linux

LOCAL = 1


def loopback(function):
    """Give the test an agent whose machine has a loopback transport."""
    def test(lab):
        machine = Linux(lab, "engine", vsock="loopback")
        try:
            function(lab, machine.agent)
        finally:
            lab.stop(machine)
    return test


@loopback
def test_engine(lab, agent):
    port = lab.port()
    agent.refused("ECONNRESET", "connect", cid=LOCAL, port=port)
    sfd, cfd = connection(agent, agent, LOCAL, port)
    transfer(agent, cfd, agent, sfd, seed=1, count=harness.MIB + 3)

    # A byte other than the expected is seen, and where.
    agent.call("send", fd=cfd, seed=2, bytes=100)
    fields = agent.refused("EBADMSG", "recv", fd=sfd, seed=2, bytes=100,
                           offset=1)
    check_equal("the place of the first wrong byte", fields["at"], 0)

    # An end that comes too early is seen, and one that is expected.
    sfd, cfd = connection(agent, agent, LOCAL, lab.port())
    agent.call("send", fd=cfd, seed=3, bytes=100)
    agent.call("shutdown", fd=cfd, how="wr")
    agent.refused("EPIPE", "recv", fd=sfd, seed=3, bytes=101)
    check_equal("the end", agent.call("recv", fd=sfd), {"bytes": 0, "eof": 1})

    for kind in "stream", "seqpacket":
        port = lab.port()
        server = agent.call("serve", port=port, type=kind)["server"]
        for args in ({"parallel": 1, "count": 50},
                     {"parallel": 50, "count": 100, "hold": 1},
                     {"parallel": 20, "seconds": 2, "max": 2 * harness.MIB,
                      "msg": 65536 if kind == "seqpacket" else harness.MIB}):
            got = agent.call("run", cid=LOCAL, port=port, type=kind, seed=4,
                             **args)
            check(got["sent"] > 0 and got["received"] > 0, f"nothing: {got}")
            check_equal("connections", got["conns"],
                        args.get("count", got["conns"]))
        harness.until(lambda: agent.call("served", server=server)["open"] == 0,
                      "all connections have ended")
        check_equal("errors", agent.call("served", server=server)["errors"], 0)


def test_guards(lab):
    """Our programs do not touch the AF_VSOCK of this machine."""
    environment = {"VSOCK_CONTROL": "x", "LD_PRELOAD": ""}
    for path in ("bin/peer", "bin/vcat", "bin/agent"):
        process = harness.Process(
            lab, os.path.basename(path),
            [os.path.join(harness.BUILD, path), "5", "5"][
                :2 if path.endswith("agent") else 3],
            env=environment)
        check_equal(f"the exit status of {path}", process.wait(), 1)
        check("guest" in process.errors() or "vsockrun" in process.errors(),
              f"{path} said: {process.errors()}")
