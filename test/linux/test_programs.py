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

"""Programs that know nothing of us, run by vsockrun."""

import hashlib
import os
import random
import shutil
import subprocess
import sys

import harness
from harness import check_equal, wait

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "programs")
SIZE = 2 * harness.MIB


def echo(client, cid, port, seed):
    """The server at the port must echo; both directions at once."""
    fd = client.call("connect", cid=cid, port=port)["fd"]
    sending = client.start("send", fd=fd, seed=seed, bytes=SIZE)
    got = client.call("recv", fd=fd, seed=seed, bytes=SIZE)
    check_equal("bytes sent", wait(sending)["bytes"], SIZE)
    check_equal("bytes echoed", got["bytes"], SIZE)
    client.call("shutdown", fd=fd, how="wr")
    check_equal("the end of the echo", client.call("recv", fd=fd),
                {"bytes": 0, "eof": 1})
    client.call("close", fd=fd)


def server(how):
    def test(lab):
        guest = lab.guest()
        port = lab.port()
        process = lab.vsockd.run(
            sys.executable, os.path.join(PROGRAMS, "echo.py"), how, str(port),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        process.line("listening")
        echo(guest.agent, harness.HOST, port, 1)
        echo(guest.agent, harness.HOST, port, 2)
        check_equal(f"the exit status ({process.errors()})",
                    process.wait(), 0)
    test.__doc__ = f"A Python server on the host: {how}."
    return test


test_server_blocking = server("blocking")
test_server_select = server("select")
test_server_poll = server("poll")
test_server_epoll = server("epoll")
test_server_asyncio = server("asyncio")
test_server_fork = server("fork")
test_server_inetd = server("inetd")
test_server_dup = server("dup")


def check_client(lab, *argv):
    """A program that sends its input to a server and prints what it sends
    back: the server is in the guest, and sends another file."""
    guest = lab.guest()
    port = lab.port()
    data = random.Random(port).randbytes(SIZE)
    path = os.path.join(lab.dir, "input")
    with open(path, "wb") as f:
        f.write(data)
    guest.agent.shell("dd if=/dev/urandom of=answer bs=64k count=32 "
                      "2>/dev/null")
    guest.agent.shell(f"vcat -b {port} <answer >question")
    with open(path, "rb") as f, open(path + ".out", "wb") as out:
        process = lab.vsockd.run(
            *argv, str(port) if argv[0] == sys.executable
            else f"VSOCK-CONNECT:{guest.cid}:{port}", stdin=f, stdout=out)
        check_equal(f"the exit status ({process.errors()})",
                    process.wait(), 0)
    harness.until(lambda: not guest.agent.shell("pidof vcat || true").strip(),
                  "vcat in the guest has ended")
    for name, theirs in ((path, "question"), (path + ".out", "answer")):
        with open(name, "rb") as f:
            ours = hashlib.sha256(f.read()).hexdigest()
        check_equal(f"the SHA-256 of the {theirs}", ours,
                    guest.agent.shell(f"sha256sum {theirs}").split()[0])


def client(how):
    def test(lab):
        check_client(lab, sys.executable, os.path.join(PROGRAMS, "client.py"),
                     how, str(lab.guest().cid))
    test.__doc__ = f"A Python client on the host: {how}."
    return test


test_client_blocking = client("blocking")
test_client_poll = client("poll")
test_client_asyncio = client("asyncio")


def need_socat():
    if shutil.which("socat") is None:
        raise harness.Skipped("no socat")


def test_socat_connect(lab):
    need_socat()
    check_client(lab, "socat", "-t", str(harness.HANG), "STDIO")


def test_socat_listen(lab):
    """socat gives each connection to a cat of its own."""
    need_socat()
    guest = lab.guest()
    port = lab.port()
    process = lab.vsockd.run(
        "socat", "-d", "-d", f"VSOCK-LISTEN:{port},fork", "EXEC:cat",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    harness.until(lambda: "listening on" in process.errors(),
                  "socat listens")
    echo(guest.agent, harness.HOST, port, 3)
    echo(guest.agent, harness.HOST, port, 4)
    lab.stop(process)
