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

"""A thousand connections, and what is left of them: nothing."""

from harness import check_equal, everywhere, until


def leftovers(lab):
    """What a connection that is over must not leave anything of."""
    return lab.connections(), {
        vsockd.name: {name: value for name, value in vsockd.kstats().items()
                      if name in ("vsock:0:vsock:sockets",
                                  "vsockd:0:kmem:bytes",
                                  "vsockd:0:kmem:allocations")}
        for vsockd in lab.vsockds.values()}


def thousand(lab, **args):
    for listener, client, cid in lab.ends():
        port = lab.port()
        server = listener.call("serve", port=port)["server"]
        # Once for what is allocated when it is needed first, and kept.
        warm = client.call("run", cid=cid, port=port, seed=12, count=200,
                           max=4096, msg=4096, **args)
        until(lambda: lab.connections() == 0,
              "the first connections have ended")
        before = leftovers(lab)
        got = client.call("run", cid=cid, port=port, seed=11, count=1000,
                          max=4096, msg=4096, **args)
        check_equal("connections", got["conns"], 1000)
        until(lambda: listener.call("served", server=server)["open"] == 0,
              "the server's connections have ended")
        served = listener.call("served", server=server)
        check_equal("connections served", served["conns"], 1200)
        check_equal("the server's errors", served["errors"], 0)
        check_equal("bytes to the server", served["received"],
                    warm["sent"] + got["sent"])
        until(lambda: leftovers(lab) == before,
              f"nobody has more of anything than before: {before}")


@everywhere
def test_one_after_another(lab):
    thousand(lab, parallel=1)


@everywhere
def test_200_at_a_time(lab):
    """All of 200 are open before the first is used."""
    thousand(lab, parallel=200, hold=1)
