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

"""The labs: systems of two or more parties that the tests run in.

      LinuxGuest   peer, other programs          agent            agent
                      | (vsockrun)                 |                |
                   +--+--------------+      +------+-----+   +------+-----+
                   |  vsockd         |======| Linux a    |   | Linux b    |
                   |  2              |      | 3          |   | 4          |
                   +-----------------+      +------------+   +------------+
                                ||=========================||
                                    vhost-user sockets

      LinuxHost    agent            peer
                     |                | (vsockrun)
                   +-+---------+   +--+-----------+
                   | Linux     |===|  vsockd      |     all this in one QEMU
                   | 2         |   |  3           |
                   +-----------+   +--------------+
                         /dev/vhost-vsock

      Pair         peer        peer         Nested   peer     peer     peer
                     |           |                     |        |        |
                   +-+-----+  +--+-----+             +-+--+  +--+--+  +--+--+
                   |vsockd |==|vsockd  |             | A  |==|3 B 2|==| C   |
                   |2      |  |3       |             | 2  |  |     |  | 4   |
                   +-------+  +--------+             +----+  +-----+  +-----+

      IllumosGuest   as LinuxGuest, with one illumos     IllumosAlone   one illumos

The numbers are the CIDs by which a party is known to its neighbours.  Agent
and peer are the same engine (traffic.c): the agent's sockets are its Linux's,
the peer's are a vsockd's.  What runs in QEMU is spoken to over serial lines,
so that what is tested and what controls it do not meet; others over pipes.

What every lab can, class Lab says.  All files are in one temporary directory;
close() and discard() leave nothing of them.
"""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile

from harness import (BUILD, HANG, HOST, ILLUMOS_ALONE, ILLUMOS_GUEST,
                     LINUX_GUEST, LINUX_HOST, LOCAL, NESTED, PAIR, Failed,
                     Process, Remote, check, check_equal, program, wait)

GUEST = 3                       # the guest's CID where there is one guest
CIDS = {"a": GUEST, "b": 4}


class Vsockd:
    """What can be asked of a vsockd, wherever it runs.

    Its `peer' is an engine with its sockets, begun when first asked for;
    `stopped' tells that it was asked to end, or killed.  To be defined:

    kstat_text()    the output of vsockrun --kstat
    ended()         whether it has ended
    end()           ask it to end: the exit status
    kill()          end it, whatever it does
    kill_peer()     end the peer, if there is one"""

    stopped = False

    def kstats(self):
        """All statistics: {"module:instance:name:statistic": value}."""
        stats = {}
        for line in self.kstat_text().splitlines():
            key, _, value = line.rpartition(" ")
            stats[key] = int(value) if value.isdigit() else value
        return stats

    def counter(self, statistic):
        """The sum of one statistic of all that have it."""
        values = [value for key, value in self.kstats().items()
                  if key.split(":")[3] == statistic]
        check(values, f"nothing has a statistic {statistic!r}")
        return sum(values)

    def connections(self):
        """How many connections there are, in any state."""
        return self.counter("connections")

    def refused_addresses(self):
        """How many packets had addresses that their sender may not use."""
        return sum(self.counter(name) for name in
                   ("bad_src_cid", "bad_dst_cid", "bad_cid_bits"))

    def terminate(self):
        """Ask it to end: it must do so with status 0 and no complaint."""
        self.stopped = True
        status = self.end()
        check_equal(f"the exit status of {self.name}", status, 0)


class LocalVsockd(Process, Vsockd):
    """A vsockd with these options, as a process of this machine."""

    def __init__(self, lab, name, *options):
        self.control = os.path.join(lab.dir, f"control-{name}")
        super().__init__(lab, name, [program("vsockd"), "--control",
                                     self.control, *options],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         text=True)
        self._peer = None
        self.line("vsockd: ready")

    def vsockrun(self, *argv):
        """The command line that runs a program with our sockets."""
        return [program("vsockrun"), "--control", self.control, "--", *argv]

    def run(self, *argv, **kwargs):
        """Run a program under vsockrun, as Process."""
        return Process(self.lab, os.path.basename(argv[0]),
                       self.vsockrun(*argv), **kwargs)

    @property
    def peer(self):
        if self._peer is None:
            self._peer = Peer(self)
        return self._peer.remote

    def kstat_text(self):
        return subprocess.run(
            [program("vsockrun"), "--control", self.control, "--kstat"],
            check=True, timeout=HANG, text=True, stdout=subprocess.PIPE).stdout

    def ended(self):
        return self.popen.poll() is not None

    def end(self):
        if not self.ended():
            self.popen.terminate()
        return self.wait()

    def kill(self):
        self.stopped = True
        super().kill()

    def kill_peer(self):
        if self._peer is not None:
            self._peer.kill()


class Peer(Process):
    """An engine run by vsockrun.  Its shell commands have a folder of their
    own, and find our programs."""

    def __init__(self, vsockd):
        folder = tempfile.mkdtemp(dir=vsockd.lab.dir)
        path = os.path.join(BUILD, "bin") + ":" + os.environ["PATH"]
        super().__init__(vsockd.lab, f"{vsockd.name}-peer",
                         vsockd.vsockrun(program("peer")),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, cwd=folder, env={**os.environ,
                                                     "PATH": path})
        self.remote = Remote(self.name, self.popen.stdout, self.popen.stdin)
        self.remote.wait_ready()

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.remote.thread.join()
        super().kill()


class Machine(Process):
    """A machine in QEMU, with so many MiB of memory; its system is to be
    defined by boot_options().

    With `backend', the path of a vhost-user socket, the machine has a vsock
    device.  Engines can be spoken to over `lines' serial lines (the list
    `engines'); the init has started one on the first, the agent."""

    TYPE = "q35"                # of QEMU's machines
    CPU = "max"
    VECTORS = 3                 # of a vsock device: QEMU's default

    def boot_options(self):
        """The options for QEMU that say what to boot."""
        raise NotImplementedError

    def __init__(self, lab, name, backend=None, memory=256, cpus=1, lines=1):
        self.engines = []
        self.controls = []
        self.console = os.path.join(
            lab.dir, f"console-{name}.{next(lab.serial)}.log")
        argv = [
            "qemu-system-x86_64",
            "-accel", "tcg", "-cpu", self.CPU,
            "-machine", f"{self.TYPE},memory-backend=mem",
            "-object",
            f"memory-backend-memfd,id=mem,size={memory}M,share=on",
            "-m", f"{memory}M", "-smp", str(cpus),
            "-nodefaults", "-no-user-config", "-display", "none",
            "-nic", "none",
            *self.boot_options(),
            "-serial", f"file:{self.console}",
        ]
        listeners = []
        for i in range(lines):
            path = os.path.join(lab.dir, f"line{next(lab.serial)}")
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(HANG)
            listeners.append(listener)
            argv += ["-chardev", f"socket,id=line{i},path={path}",
                     "-serial", f"chardev:line{i}"]
        if backend is not None:
            argv += ["-chardev", f"socket,id=vsock,path={backend}",
                     "-device", f"vhost-user-vsock-pci,chardev=vsock,"
                                f"vectors={self.VECTORS}"]
        super().__init__(lab, f"machine-{name}", argv,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        lab.consoles.append(self.console)
        try:
            for listener in listeners:
                control, _ = listener.accept()
                self.controls.append(control)
                self.engines.append(Remote(
                    self.name,
                    control.makefile("r", newline="\n", errors="replace"),
                    control.makefile("w", newline="\n")))
        except socket.timeout:
            raise Failed(f"QEMU did not start: {self.errors()}") from None
        finally:
            for listener in listeners:
                listener.close()
        self.agent = self.engines[0]
        try:
            self.agent.wait_ready()
        except Failed as e:
            raise Failed(f"{e}: {self.errors()}") from None

    def kill(self):
        super().kill()
        for engine, control in zip(self.engines, self.controls):
            engine.thread.join()
            control.close()


class Linux(Machine):
    """A Linux machine; `vsock' is the init's word of that name."""

    def __init__(self, lab, name, vsock, **kwargs):
        self.vsock = vsock
        super().__init__(lab, name, **kwargs)

    def boot_options(self):
        return ["-kernel", os.path.join(BUILD, "linux", "vmlinuz"),
                "-initrd", os.path.join(BUILD, "linux", "initramfs"),
                "-append", f"console=ttyS0 quiet panic=-1 vsockguest=1 "
                           f"vsock={self.vsock}"]

    def reboot(self, how="b"):
        """Restart it by a letter for sysrq (b: reboot, c: panic)."""
        times = self.agent.ready
        self.agent.start("sh", cmd=f"echo {how} > /proc/sysrq-trigger")
        self.agent.wait_ready(times + 1)

    def users(self, module):
        """The use count of a kernel module: one for each socket that has a
        connection of any state over a transport, and others."""
        return int(self.agent.shell(f"cat /sys/module/{module}/refcnt"))


class Guest(Linux):
    """A Linux guest of a vsockd, with the lab's socket of its name."""

    def __init__(self, lab, name, cid, vsock="virtio", **kwargs):
        self.cid = cid
        super().__init__(lab, name, vsock, backend=lab.socket(name), **kwargs)

    def sockets(self):
        """How many sockets of the guest have a connection of any state."""
        return self.users("vmw_vsock_virtio_transport")


class Illumos(Machine):
    """An illumos machine, from the files in the folder of VSOCK_TEST_ILLUMOS:
    the kernel, with the path that it has in the boot archive, and that,
    `archive' (test/illumos)."""

    TYPE = os.environ.get("VSOCK_TEST_ILLUMOS_MACHINE", "pc")
    CPU = "qemu64"
    VECTORS = 4                 # of three queues, and the configuration
    UNIX = "platform/i86pc/kernel/amd64/unix"
    # What the kernel says when something is wrong, and we might be it.
    BAD = ("panic[", "WARNING: vsock", "WARNING: viosock", "WARNING: vsockhv",
           "Press any key to reboot", "assertion failed")

    def __init__(self, lab, name, cid=None, **kwargs):
        self.cid = cid
        if cid is not None:
            kwargs["backend"] = lab.socket(name)
        super().__init__(lab, name, memory=1024, cpus=2, **kwargs)

    def boot_options(self):
        folder = os.environ["VSOCK_TEST_ILLUMOS"]
        return ["-kernel", os.path.join(folder, self.UNIX),
                "-initrd", os.path.join(folder, "archive"),
                "-append",
                f"/{self.UNIX} -B console=ttya,fstype=hsfs"]

    def said(self):
        """What there is on the console."""
        with open(self.console, errors="replace") as log:
            return log.read()

    def check_well(self):
        for line in self.said().splitlines():
            check(not any(bad in line for bad in self.BAD),
                  f"the console of {self.name} says: {line}")

    def reboot(self):
        """In good order, as init does it: the driver is quiesced."""
        times = self.agent.ready
        self.agent.start("sh", cmd="reboot")
        self.agent.wait_ready(times + 1)

    def command(self, line):
        """One of the commands of test/illumos/commands.c: its output."""
        return self.agent.shell(line).strip()


class InnerVsockd(Vsockd):
    """A vsockd with these options in a Linux machine of two lines.

    It is a command of the machine's agent, which is answered when it ends, and
    so is its peer.  Its errors go to the machine's console."""

    name = "the machine's vsockd"

    def __init__(self, machine, *options):
        self.machine = machine
        self.agent = machine.agent
        self.peer_life = None
        self.agent.shell("mkfifo said")
        self.life = self._start("vsockd", "vsockd --control control "
                                f"{' '.join(options)} >../said")
        said = self.agent.shell("read line <said; rm said; echo $line")
        check_equal("vsockd in the machine said", said, "vsockd: ready\n")

    def _start(self, name, command):
        """Run a command there, in a folder of its own: a future."""
        return self.agent.start(
            "sh", cmd=f"mkdir -p {name}.d; cd {name}.d; echo $$ >pid; "
                      f"exec {command} 2>/dev/ttyS0")

    def _signal(self, name, signal):
        self.agent.shell(f"kill -{signal} $(cat {name}.d/pid)")

    @property
    def peer(self):
        remote = self.machine.engines[1]
        if self.peer_life is None:
            times = remote.ready
            self.peer_life = self._start(
                "peer", "vsockrun --control /tmp/vsockd.d/control -- "
                        "agent /dev/ttyS2")
            remote.wait_ready(times + 1)
        return remote

    def kstat_text(self):
        return self.agent.shell("vsockrun --control vsockd.d/control --kstat")

    def ended(self):
        return self.life.done()

    def end(self):
        if not self.ended():
            self._signal("vsockd", "TERM")
        return wait(self.life, f"the end of {self.name}")["status"]

    def kill(self):
        self.stopped = True
        if not self.ended():
            self._signal("vsockd", "KILL")
        wait(self.life, f"the end of {self.name}")

    def kill_peer(self):
        if self.peer_life is not None and not self.peer_life.done():
            self._signal("peer", "KILL")
            wait(self.peer_life, "the end of the machine's peer")


class Lab:
    """The parts of a system: all begun when first asked for.

    To be defined: `name'; connections() and ends()."""

    name = None

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="vsock-test.")
        self.serial = itertools.count(1)
        self.processes = []
        self.consoles = []
        self.vsockds = {}
        self.next_port = 5000

    def ends(self):
        """All ways to connect to a neighbour.

        Yields (who listens, who connects, the CID to connect to)."""
        raise NotImplementedError

    def connections(self):
        """How many connections all know of, in any state."""
        raise NotImplementedError

    def socket(self, name):
        """The path of the vhost-user socket for the guest of that name."""
        return os.path.join(self.dir, f"vm-{name}")

    def port(self):
        """A port that no other test of this lab uses."""
        self.next_port += 1
        return self.next_port

    def begin(self, name, make):
        """The vsockd of that name; made (again) if it does not run."""
        vsockd = self.vsockds.get(name)
        if vsockd is None or vsockd.ended():
            if vsockd is not None:
                vsockd.kill_peer()
            vsockd = self.vsockds[name] = make()
        return vsockd

    def peers(self):
        """The engines with sockets of a vsockd."""
        return [vsockd.peer for vsockd in self.vsockds.values()]

    def stop(self, process):
        """End a process for good."""
        process.kill()
        self.processes.remove(process)

    def check_running(self):
        """No vsockd may have ended that was not told to."""
        for name, vsockd in self.vsockds.items():
            check(vsockd.stopped or not vsockd.ended(),
                  f"the vsockd {name!r} has ended")

    def report(self):
        """What the processes said, for a test that failed."""
        logs = [(p.log) for p in self.processes] + self.consoles
        text = []
        for path in logs:
            if os.path.exists(path):
                with open(path, errors="replace") as log:
                    tail = log.read()[-4000:].strip()
                if tail:
                    text.append(f"--- {os.path.basename(path)}\n{tail}")
        return "\n".join(text)

    def terminate(self):
        """End the vsockds, guests first: each must end as it should."""
        for vsockd in reversed(self.vsockds.values()):
            if not vsockd.stopped:
                vsockd.terminate()

    def close(self):
        """End everything; the vsockds must end as they should."""
        try:
            self.terminate()
        finally:
            self.discard()

    def discard(self):
        """Kill everything, whatever it does."""
        for process in reversed(self.processes):
            process.kill()
        self.processes.clear()
        shutil.rmtree(self.dir, ignore_errors=True)


class LinuxGuest(Lab):
    """A vsockd that is the hypervisor of up to two Linux machines."""

    name = LINUX_GUEST

    def __init__(self):
        super().__init__()
        self.guests = {}

    @property
    def vsockd(self):
        def make():
            options = []
            for name, cid in CIDS.items():
                options += ["--guest",
                            f"cid={cid},socket={self.socket(name)}"]
            return LocalVsockd(self, "vsockd", *options)
        return self.begin("vsockd", make)

    @property
    def peer(self):
        return self.vsockd.peer

    def guest(self, name="a", **kwargs):
        """The guest; begun again if it is not running."""
        self.vsockd
        guest = self.guests.get(name)
        if guest is None or guest.popen.poll() is not None:
            guest = self.guests[name] = Guest(self, name, CIDS[name],
                                               **kwargs)
        return guest

    def ends(self):
        guest = self.guest()
        yield guest.agent, self.peer, guest.cid
        yield self.peer, guest.agent, HOST

    def connections(self):
        return self.vsockd.connections() + sum(
            guest.sockets() for guest in self.guests.values()
            if guest.popen.poll() is None)


class LinuxHost(Lab):
    """A vsockd that is a guest of the Linux it runs on."""

    name = LINUX_HOST

    def __init__(self):
        super().__init__()
        self._machine = None

    @property
    def machine(self):
        if self._machine is None:
            self._machine = Linux(self, "host", vsock="host", memory=512,
                                  cpus=2, lines=2)
        return self._machine

    @property
    def guest_vsockd(self):
        return self.begin("vsockd", lambda: InnerVsockd(
            self.machine, "--device",
            f"vhost,path=/dev/vhost-vsock,cid={GUEST}"))

    @property
    def host(self):
        return self.machine.agent

    def ends(self):
        peer = self.guest_vsockd.peer
        yield peer, self.host, GUEST
        yield self.host, peer, HOST

    def connections(self):
        # One user of the driver is the open device.
        return (self.guest_vsockd.connections() +
                self.machine.users("vhost_vsock") - 1)


class Pair(Lab):
    """Two vsockds: a hypervisor and its guest."""

    name = PAIR

    @property
    def host_vsockd(self):
        return self.begin("host", lambda: LocalVsockd(
            self, "host", "--guest",
            f"cid={GUEST},socket={self.socket('guest')}"))

    @property
    def guest_vsockd(self):
        self.host_vsockd
        return self.begin("guest", lambda: LocalVsockd(
            self, "guest", "--device",
            f"vhost-user,socket={self.socket('guest')}"))

    @property
    def host(self):
        return self.host_vsockd.peer

    def ends(self):
        peer = self.guest_vsockd.peer
        yield peer, self.host, GUEST
        yield self.host, peer, HOST

    def connections(self):
        return sum(vsockd.connections() for vsockd in self.vsockds.values())


class Nested(Pair):
    """Three vsockds: the guest of the first is the hypervisor of another."""

    name = NESTED
    INNER = 4

    @property
    def guest_vsockd(self):
        self.host_vsockd
        return self.begin("guest", lambda: LocalVsockd(
            self, "guest",
            "--device", f"vhost-user,socket={self.socket('guest')}",
            "--guest", f"cid={self.INNER},socket={self.socket('inner')}"))

    @property
    def inner(self):
        """The engine on the innermost side."""
        self.guest_vsockd
        return self.begin("inner", lambda: LocalVsockd(
            self, "inner", "--device",
            f"vhost-user,socket={self.socket('inner')}")).peer

    def ends(self):
        yield from super().ends()
        yield self.inner, self.guest_vsockd.peer, self.INNER
        yield self.guest_vsockd.peer, self.inner, HOST


class NestedLinux(Nested):
    """The same, but the innermost is a Linux machine."""

    name = None                 # for tests that make it themselves

    def __init__(self):
        super().__init__()
        self._machine = None

    @property
    def inner(self):
        self.guest_vsockd
        if self._machine is None:
            self._machine = Guest(self, "inner", self.INNER)
        return self._machine.agent


class IllumosGuest(LinuxGuest):
    """A vsockd that is the hypervisor of an illumos machine."""

    name = ILLUMOS_GUEST

    def guest(self, name="a"):
        self.vsockd
        guest = self.guests.get(name)
        if guest is None or guest.popen.poll() is not None:
            guest = self.guests[name] = Illumos(self, name, CIDS[name])
        return guest

    def connections(self):
        return self.vsockd.connections()

    def check_running(self):
        super().check_running()
        for guest in self.guests.values():
            guest.check_well()


class IllumosAlone(Lab):
    """An illumos machine that talks to itself."""

    name = ILLUMOS_ALONE

    def __init__(self):
        super().__init__()
        self._machine = None

    @property
    def machine(self):
        if self._machine is None:
            self._machine = Illumos(self, "alone")
        return self._machine

    def ends(self):
        agent = self.machine.agent
        yield agent, agent, LOCAL

    def connections(self):
        return 0

    def check_running(self):
        if self._machine is not None:
            self._machine.check_well()


LABS = (LinuxGuest, LinuxHost, Pair, Nested)
ILLUMOS_LABS = (IllumosAlone, IllumosGuest)
