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

"""What only a real illumos kernel can show: modules and drivers that come and
go, privileges, nodes."""

import glob
import hashlib
import itertools
import os
import re
import urllib.parse

import harness
from harness import (HOST, ILLUMOS_ALONE, ILLUMOS_GUEST, LOCAL, RemoteError,
                     check, check_equal, connection, on, transfer, wait)
from labs import GUEST

SIZE = 64 * harness.MIB
DEVICE = "/devices/pci@0,0/pci1af4,1100@"
DETACHES = 20
NO_PORT = 10000                 # hvguest refuses it, and finds nobody at port 0
MODULE = os.path.join(os.path.dirname(__file__), "../../module")
TRACES = itertools.count(1)


@on(ILLUMOS_ALONE)
def test_load_unload(lab):
    """socket(2) loads the module, the last close(2) unloads it: 500 times."""
    check_equal("loaded before", lab.machine.command("loaded vsock"), "0")
    for _ in range(10):
        lab.machine.command("sockets 50")
    check_equal("loaded afterwards", lab.machine.command("loaded vsock"), "0")


@on(ILLUMOS_ALONE)
def test_no_backend(lab):
    agent = lab.machine.agent
    for cid in (0, 3, 99, 0xfffffffe):
        agent.refused("EAFNOSUPPORT", "connect", cid=cid, port=lab.port())


@on(ILLUMOS_ALONE)
def test_privileged_port(lab):
    check_equal("bind to 22", lab.machine.command("privport 22"), "EACCES")
    check_equal("bind to 1023", lab.machine.command("privport 1023"),
                "EACCES")
    check_equal("bind to 1024", lab.machine.command("privport 1024"), "ok")


@on(ILLUMOS_ALONE)
def test_local_cid(lab):
    check_equal("CID", lab.machine.command("localcid"), str(LOCAL))


@on(ILLUMOS_ALONE)
def test_vsockhv_without_vm(lab):
    """It loads, opens, answers every ioctl as documented, and unloads."""
    lab.machine.command("vsockhv")
    lab.machine.command("unload vsockhv")
    check_equal("loaded", lab.machine.command("loaded vsockhv"), "0")


def hvguest(lab, *options):
    """A guest of vsockhv on the machine: the future of its end."""
    command = " ".join(("hvguest", str(GUEST)) + options)
    future = lab.machine.agent.start("sh", cmd=command)

    def answers():
        check(not future.done(), f"{command} has ended: {future}")
        try:
            lab.machine.agent.call("connect", cid=GUEST, port=NO_PORT)
        except RemoteError as e:
            return e.errno == "ECONNRESET"
    harness.until(answers, "the guest answers")
    return future


def hvguest_end(lab, future, port=1):
    """Tell it to end: it must, in good order."""
    lab.machine.agent.refused("ECONNRESET", "connect", cid=GUEST, port=port)
    fields = wait(future, "the end of the guest")
    check_equal(f"the guest's status ({fields['out']})", fields["status"], 0)


def echoes(agent, fd, seed, size):
    """What is sent comes back: the futures of both."""
    return [agent.start("send", fd=fd, seed=seed, bytes=size),
            agent.start("recv", fd=fd, seed=seed, bytes=size)]


def hv_traffic(lab, size, *options):
    """Connections in both directions, all at once."""
    agent = lab.machine.agent
    future = hvguest(lab, *options)
    port = lab.port()
    lfd = agent.call("listen", port=port)["fd"]
    fds = []
    for i in range(4):
        fds.append(agent.call("connect", cid=GUEST, port=100 + i)["fd"])
        agent.refused("ECONNRESET", "connect", cid=GUEST, port=10000 + port)
        got = agent.call("accept", fd=lfd)
        check_equal("who has connected", got["cid"], GUEST)
        fds.append(got["fd"])
    moves = [move for seed, fd in enumerate(fds)
             for move in echoes(agent, fd, seed, size)]
    for move in moves:
        check_equal("bytes", wait(move)["bytes"], size)
    for fd in fds:
        agent.call("shutdown", fd=fd, how="wr")
        check_equal("the end", agent.call("recv", fd=fd),
                    {"bytes": 0, "eof": 1})
        agent.call("close", fd=fd)
    agent.call("close", fd=lfd)
    hvguest_end(lab, future)


@on(ILLUMOS_ALONE)
def test_vsockhv_traffic(lab):
    hv_traffic(lab, 4 * harness.MIB)


@on(ILLUMOS_ALONE)
def test_vsockhv_leases(lab):
    """Leases expire, rings pause and resume, all the time."""
    hv_traffic(lab, harness.MIB, "disturb")


@on(ILLUMOS_ALONE)
def test_vsockhv_destroy(lab):
    """The VM is destroyed while data flows."""
    agent = lab.machine.agent
    for seed in range(10):
        future = hvguest(lab)
        fd = agent.call("connect", cid=GUEST, port=100)["fd"]
        moves = echoes(agent, fd, seed, 1 << 40)
        harness.until(
            lambda: agent.call("progress", fd=fd)["received"] > 100000,
            "data is flowing")
        hvguest_end(lab, future, port=2)
        ends(moves[1], moves[0])
        agent.call("close", fd=fd)
    lab.machine.command("unload vsockhv")
    lab.machine.command("unload vmm")


@on(ILLUMOS_GUEST)
def test_guest_cid(lab):
    check_equal("CID", lab.guest().command("localcid"), str(GUEST))


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


@on(ILLUMOS_GUEST)
def test_files(lab):
    """64 MiB each way, the host's side an unmodified program."""
    guest, vsockd = lab.guest(), lab.vsockd
    there = os.path.join(lab.dir, "there")
    back = os.path.join(lab.dir, "back")
    with open(there, "wb") as f:
        for _ in range(SIZE >> 20):
            f.write(os.urandom(1 << 20))

    # The host connects and sends; then the guest connects and sends.
    port = lab.port()
    guest.command(f"vcat -b {port} </dev/null >/tmp/file")
    with open(there, "rb") as source:
        sender = vsockd.run(harness.program("vcat"), str(GUEST), str(port),
                            stdin=source)
        check_equal("vcat's status", sender.wait(), 0)
    harness.until(lambda: guest.command("size /tmp/file") == str(SIZE),
                  "the guest has all of it")
    check_equal("the guest's SHA-256",
                guest.command("sha256sum /tmp/file").split()[0],
                sha256(there))

    port = lab.port()
    with open(back, "wb") as target:
        receiver = vsockd.run(harness.program("vcat"), "-b", str(port),
                              stdin=open(os.devnull, "rb"), stdout=target)
        check_equal("vcat's status", receiver.wait(), 0)
        guest.command(f"vcat {HOST} {port} </tmp/file >/dev/null")
    harness.until(lambda: os.path.getsize(back) == SIZE,
                  "the host has all of it")
    check_equal("the host's SHA-256", sha256(back), sha256(there))


@on(ILLUMOS_GUEST)
def test_reboot(lab):
    """The guest reboots in good order, with connections; and is back."""
    guest = lab.guest()
    port = lab.port()
    lfd = lab.peer.call("listen", port=port)["fd"]
    guest.agent.call("connect", cid=HOST, port=port)
    afd = lab.peer.call("accept", fd=lfd)["fd"]
    reading = lab.peer.start("recv", fd=afd)
    writing = lab.peer.start("send", fd=afd, seed=1, bytes=1 << 40)
    guest.reboot()
    ends(reading, writing)
    lab.peer.call("close", fd=afd)
    cfd = guest.agent.call("connect", cid=HOST, port=port)["fd"]
    afd = lab.peer.call("accept", fd=lfd)["fd"]
    transfer(guest.agent, cfd, lab.peer, afd, seed=2, count=1 << 20)
    transfer(lab.peer, afd, guest.agent, cfd, seed=3, count=1 << 20)
    guest.agent.call("close", fd=cfd)
    for fd in afd, lfd:
        lab.peer.call("close", fd=fd)


def ends(reading, writing):
    """Both must end, as calls on a connection that was lost."""
    try:
        check_equal("the end of the reader",
                    wait(reading, "the reader")["eof"], 1)
    except RemoteError as e:
        check_equal("the reader's errno", e.errno, "ECONNRESET")
    try:
        wait(writing, "the writer")
        raise harness.Failed("the writer has succeeded")
    except RemoteError as e:
        check(e.errno in ("EPIPE", "ECONNRESET"), f"the writer: {e}")


@on(ILLUMOS_GUEST)
def test_detach_attach(lab):
    """The driver is detached while data flows, and attached again."""
    guest, agent = lab.guest(), lab.guest().agent
    for seed in range(DETACHES):
        # One busy each way, and one whose data nobody reads.
        busy = connection(lab.peer, agent, HOST, lab.port())
        unread = connection(agent, lab.peer, GUEST, lab.port())
        lab.peer.call("send", fd=unread[1], seed=seed, bytes=20000)
        reading = agent.start("recv", fd=busy[1])
        writing = agent.start("send", fd=busy[1], seed=seed, bytes=1 << 40)
        sink = lab.peer.start("recv", fd=busy[0], seed=seed)
        harness.until(
            lambda: agent.call("progress", fd=busy[1])["sent"] > 100000,
            "data is flowing")
        guest.command("unload viosock")
        ends(reading, writing)
        check_equal("loaded", guest.command("loaded viosock"), "0")
        agent.refused("EAFNOSUPPORT", "connect", cid=HOST, port=lab.port())
        agent.call("close", fd=busy[1])
        agent.call("close", fd=unread[0])
        # vhost-user says no more than that the rings rest; when a driver sets
        # them up anew it is clear that the connections are gone.
        guest.command("attach")
        check_equal("CID", guest.command("localcid"), str(GUEST))
        try:
            wait(sink, "the host's reader")
        except RemoteError as e:
            check_equal("the host's errno", e.errno, "ECONNRESET")
        lab.peer.call("close", fd=busy[0])
        lab.peer.call("close", fd=unread[1])
    sfd, cfd = connection(agent, lab.peer, GUEST, lab.port())
    transfer(lab.peer, cfd, agent, sfd, seed=1, count=1 << 20)
    transfer(agent, sfd, lab.peer, cfd, seed=2, count=1 << 20)
    agent.call("close", fd=sfd)
    lab.peer.call("close", fd=cfd)


@on(ILLUMOS_ALONE)
def test_vsockadm(lab):
    """All that vsockadm knows, by libvsock, kstats and /dev/vsock."""
    machine, agent = lab.machine, lab.machine.agent
    port = lab.port()
    lfd = agent.call("listen", port=port)["fd"]
    check(f"any:{port}" in machine.command(
        "vsockadm show-listener -p -o local").replace("\\", "").split(),
        "the listener is not shown")
    sfd, cfd = connection(agent, agent, LOCAL, lab.port())
    transfer(agent, cfd, agent, sfd, seed=1, count=12345)
    transfer(agent, sfd, agent, cfd, seed=2, count=54321)
    shown = machine.command(
        "vsockadm show-connection -p -o state,rxbytes,txbytes").split()
    check_equal("connections", sorted(shown), ["connected:12345:54321",
                                               "connected:54321:12345"])
    check_equal("transports", machine.command(
        "vsockadm show-transport -p -o name,direction").split(),
        ["vsocklo0:local"])
    stats = machine.command(
        "vsockadm show-stats -p -o name,statistic,value").split()
    check("vsocklo0:rx_bytes:66666" in stats, f"statistics: {stats}")

    machine.command("vsockadm set-prop connect-timeout=5000")
    check_equal("a property", machine.command(
        "vsockadm get-prop -p -o value connect-timeout"), "5000")
    machine.command("vsockadm reset-prop -z global connect-timeout")
    check_equal("the timeout, of the zone by its name", machine.command(
        "vsockadm get-prop -z global -p -o value connect-timeout"), "2000")

    snoop = agent.start("sh", cmd="vsockadm snoop -c 4 -w /tmp/pcap")
    while not snoop.done():
        transfer(agent, cfd, agent, sfd, seed=3, count=1000)
    check_equal("snoop's status", wait(snoop)["status"], 0)
    # The head of the file, and of each packet.
    check(int(machine.command("size /tmp/pcap")) > 24 + 4 * 16,
          "the capture is empty")
    for fd in lfd, sfd, cfd:
        agent.call("close", fd=fd)


def module_probes(machine, module):
    """Provider and name of each probe that a machine has in a module."""
    return [tuple(line.split()) for line in
            machine.command(f"dtrace probes {module}").splitlines()]


def source_probes(module):
    """The probes in the sources of a module, as the provider sdt names them."""
    names = set()
    for path in glob.glob(os.path.join(MODULE, module, "*.c")):
        with open(path) as f:
            names.update(re.findall(r"DTRACE_PROBE\d?\((\w+)", f.read()))
    check(names, f"no probe in {module}")
    return {name.replace("__", "-") for name in names}


def check_probes(machine, module):
    """The probes of a loaded module are what its sources say: the provider.

    That is sdt, but in a gate with our changes vsock, for those whose names
    begin with it (illumos/README.md)."""
    found = module_probes(machine, module)
    stable = [name for provider, name in found if provider == "vsock"]
    check_equal(f"probes of {module}",
                {f"vsock-{name}" for name in stable} |
                {name for provider, name in found if provider == "sdt"},
                source_probes(module))
    return "vsock" if stable else "sdt"


def needs_dtrace(machine):
    answer = machine.command("open /devices/pseudo/dtrace@0:dtrace")
    if answer != "ok":
        raise harness.Skipped(f"the root has no dtrace: {answer}")


def trace(machine, provider, module, arg, until, work):
    """Do some work while all probes of a module are enabled: how often each
    has fired, and the sum of its arguments of this number, by name.

    Until is the name of a probe, and what that sum must come to."""
    prefix = "" if provider == "vsock" else "vsock-"
    begun = f"/tmp/tracing{next(TRACES)}"
    future = machine.agent.start(
        "sh", cmd=f"dtrace trace {provider} {module} {arg} "
                  f"{prefix}{until[0]} {until[1]} {begun}")

    def enabled():
        check(not future.done(), f"dtrace has ended: {future}")
        return machine.agent.call("sh", cmd=f"size {begun}")["status"] == 0
    harness.until(enabled, "the probes are enabled")
    work()
    fields = wait(future, "the end of dtrace")
    out = urllib.parse.unquote(str(fields["out"]))
    check_equal(f"dtrace's status ({out})", fields["status"], 0)
    fired = {}
    for line in out.splitlines():
        name, count, total = line.split()
        name = name.removeprefix(prefix)
        old = fired.get(name, (0, 0))
        fired[name] = (old[0] + int(count), old[1] + int(total))
    return fired


def traced_transfer(machine, provider, listener, client, cid, port, size):
    """A connection, and data, with all probes of vsock enabled."""
    fds = []

    def work():
        fds.extend(connection(listener, client, cid, port))
        transfer(client, fds[1], listener, fds[0], seed=1, count=size)
    fired = trace(machine, provider, "vsock", 2, ("receive" if machine.agent
                  is listener else "send", size), work)
    listener.call("close", fd=fds[0])
    client.call("close", fd=fds[1])
    return fired


@on(ILLUMOS_ALONE)
def test_dtrace(lab):
    """The probes are there, and fire, with their arguments."""
    machine, agent = lab.machine, lab.machine.agent
    needs_dtrace(machine)
    lfd = agent.call("listen", port=lab.port())["fd"]
    provider = check_probes(machine, "vsock")
    fired = traced_transfer(machine, provider, agent, agent, LOCAL,
                            lab.port(), harness.MIB)
    for name in "send", "receive":
        check(fired[name][0] > 0, f"{name} has not fired")
        check_equal(f"bytes by {name}", fired[name][1], harness.MIB)
    for name in "connect-established", "accept-established":
        check_equal(f"{name} has fired", fired[name][0], 1)
    check("state-change" in fired, "state-change has not fired")
    agent.call("close", fd=lfd)
    # The module comes and goes with probes that have been enabled.
    machine.command("sockets 20")
    lfd = agent.call("listen", port=lab.port())["fd"]
    check_probes(machine, "vsock")
    agent.call("close", fd=lfd)
    machine.command("load drv/vsockhv")
    check_probes(machine, "vsockhv")
    machine.command("unload vsockhv")


@on(ILLUMOS_GUEST)
def test_dtrace_guest(lab):
    """The same through viosock."""
    guest, agent = lab.guest(), lab.guest().agent
    needs_dtrace(guest)
    check_probes(guest, "viosock")
    provider = check_probes(guest, "vsock")
    fired = traced_transfer(guest, provider, agent, lab.peer, GUEST,
                            lab.port(), harness.MIB)
    check_equal("bytes by receive", fired["receive"][1], harness.MIB)
    check_equal("accept-established has fired",
                fired["accept-established"][0], 1)
    fired = traced_transfer(guest, provider, lab.peer, agent, HOST,
                            lab.port(), harness.MIB)
    check_equal("bytes by send", fired["send"][1], harness.MIB)
    check_equal("connect-established has fired",
                fired["connect-established"][0], 1)
