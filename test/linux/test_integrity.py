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

"""Random traffic on many connections at once, every byte checked."""

import os
import random

import harness
from harness import LINUX_GUEST, check, check_equal, everywhere, wait

SECONDS = int(os.environ.get("VSOCK_TEST_SECONDS", "60"))
SEED = int(os.environ.get("VSOCK_TEST_SEED", random.randrange(1 << 32)))


def traffic(lab, seconds, parallel, **args):
    """Clients on all sides at once, `parallel' for each neighbour."""
    runs = []
    for seed, (listener, client, cid) in enumerate(lab.ends(), SEED):
        port = lab.port()
        server = listener.call("serve", port=port, **{
            k: v for k, v in args.items() if k == "type"})["server"]
        runs.append((listener, server, client.start(
            "run", cid=cid, port=port, seconds=seconds, parallel=parallel,
            seed=seed, **args)))
    for listener, server, run in runs:
        try:
            got = wait(run, "the run")
        except harness.RemoteError as e:
            served = listener.call("served", server=server)
            raise harness.Failed(f"{e}, with VSOCK_TEST_SEED={SEED}; "
                                 f"the server: {served}") from e
        harness.until(
            lambda: listener.call("served", server=server)["open"] == 0,
            "the server's connections have ended")
        served = listener.call("served", server=server)
        check_equal("the server's errors", served["errors"], 0)
        check(got["conns"] >= parallel, f"too few connections: {got}")
        check_equal("connections", served["conns"], got["conns"])
        check_equal("bytes to the server", served["received"], got["sent"])
        check_equal("bytes from the server", served["sent"], got["received"])


@everywhere
def test_streams(lab):
    """50 streams of two neighbours, messages to 1 MiB, random half-closes."""
    seconds = SECONDS if lab.name == LINUX_GUEST else (SECONDS + 2) // 3
    traffic(lab, seconds, 25, max=4 * harness.MIB, msg=harness.MIB)
