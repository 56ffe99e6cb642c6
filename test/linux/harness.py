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

"""What the tests with a Linux guest are made of.

A Lab is one vsockd with up to two QEMU guests behind it:

      peer, other programs            agent              agent
         | (vsockrun)                   |                  |
      +--+----------------+      +------+------+    +------+------+
      |  vsockd           |======| guest a     |    | guest b     |
      |  CIDs 3 and 4     |      | CID 3       |    | CID 4       |
      +-------------------+      +-------------+    +-------------+
                       ||====================================||
                                 vhost-user sockets

The agent in a guest is spoken to over the guest's second serial line, the peer
on the host over pipes; both are the engine of traffic.c, and Remote is the
Python end of its protocol.

Nothing here sleeps: whatever takes time ends in an event (a line, a reply, the
end of a process), and the wait for it fails after HANG seconds.  All processes
are children of this one and are killed by their process ids when their object
is closed, and all files are in one temporary directory.

One thread reads from each Remote; the futures it completes are the only data
shared with the thread that runs the tests.
"""

import concurrent.futures
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

HANG = float(os.environ.get("VSOCK_TEST_HANG", "120"))
BUILD = os.path.abspath(os.environ.get("VSOCK_TEST_BUILD", "build"))
HOST = 2                        # the host's CID, as its guests know it
MIB = 1 << 20

CIDS = {"a": 3, "b": 4}


class Failed(Exception):
    """A test found something wrong."""


class Skipped(Exception):
    """A test cannot be done here."""


class RemoteError(Exception):
    """An engine's error reply: fields as in the reply."""

    def __init__(self, what, fields):
        super().__init__(f"{what}: {fields}")
        self.fields = fields
        self.errno = fields.get("errno")


def check(condition, what):
    if not condition:
        raise Failed(what)


def check_equal(what, got, expected):
    if got != expected:
        raise Failed(f"{what}: {got!r}, expected {expected!r}")


def until(condition, what):
    """Ask again and again until the condition holds; returns its value.

    For what changes by itself and tells nobody, as counters do."""
    deadline = time.monotonic() + HANG
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"still not true: {what}")
        time.sleep(0.02)


def program(name):
    """The path of one of our programs."""
    path = os.path.join(BUILD, "bin", name)
    if not os.path.exists(path):
        raise Failed(f"{path} has not been built")
    return path


class Remote:
    """An engine: sends commands, gives out their replies."""

    def __init__(self, name, reader, writer):
        self.name = name
        self.reader = reader
        self.writer = writer
        self.ids = itertools.count(1)
        self.lock = threading.Condition()
        self.pending = {}
        self.ready = 0          # how often it has said that it is
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _forget(self, why):
        for future in self.pending.values():
            future.set_exception(Failed(f"{self.name}: {why}"))
        self.pending.clear()

    def _read(self):
        try:
            for line in self.reader:
                self._line(line.rstrip("\r\n"))
        except (OSError, ValueError):
            pass
        with self.lock:
            self.ended = True
            self._forget("has ended")
            self.lock.notify_all()

    def _line(self, line):
        words = line.split(" ")
        with self.lock:
            if line == "ready":
                self.ready += 1
                self._forget("was started again")
                self.lock.notify_all()
                return
            future = self.pending.pop(words[0], None)
        if future is None:
            return
        fields = {}
        for word in words[2:]:
            key, _, value = word.partition("=")
            fields[key] = int(value) if value.isdigit() else value
        if words[1] == "ok":
            future.set_result(fields)
        else:
            future.set_exception(RemoteError(self.name, fields))

    def wait_ready(self, times=1):
        """Wait until it has said "ready" so many times."""
        with self.lock:
            if not self.lock.wait_for(
                    lambda: self.ready >= times or self.ended, HANG):
                raise Failed(f"{self.name} is not ready after {HANG} s")
            if self.ready < times:
                raise Failed(f"{self.name} ended before it was ready")

    def start(self, command, **args):
        """Begin a command: a future with the reply's fields."""
        ident = str(next(self.ids))
        words = [ident, command] + [f"{k}={v}" for k, v in args.items()]
        future = concurrent.futures.Future()
        with self.lock:
            if self.ended:
                raise Failed(f"{self.name} has ended")
            self.pending[ident] = future
        try:
            self.writer.write(" ".join(words) + "\n")
            self.writer.flush()
        except OSError as e:
            raise Failed(f"{self.name}: {e}") from e
        return future

    def call(self, command, **args):
        """A command and its reply."""
        return wait(self.start(command, **args), f"{self.name}: {command}")

    def refused(self, errno, command, **args):
        """A command that must fail with errno; returns the reply."""
        try:
            fields = self.call(command, **args)
        except RemoteError as e:
            check_equal(f"{self.name}: {command} {args}", e.errno, errno)
            return e.fields
        raise Failed(f"{self.name}: {command} {args} gave {fields}, "
                     f"expected {errno}")

    def shell(self, command):
        """Run a shell command there: its output; it must succeed."""
        fields = self.call("sh", cmd=command)
        out = urllib.parse.unquote(str(fields["out"]))
        check_equal(f"{self.name}: {command}: {out}", fields["status"], 0)
        return out


def wait(future, what="a reply"):
    """The result of a future."""
    try:
        return future.result(HANG)
    except concurrent.futures.TimeoutError:
        raise Failed(f"{what}: nothing after {HANG} s") from None


class Process:
    """A child process whose standard error is kept in a file."""

    def __init__(self, lab, name, argv, **kwargs):
        self.lab = lab
        self.name = name
        self.log = os.path.join(lab.dir, f"{name}.{next(lab.serial)}.log")
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(argv, stderr=log, **kwargs)
        lab.processes.append(self)

    def errors(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait(self):
        """Wait for its end: its exit status."""
        try:
            return self.popen.wait(HANG)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} has not ended after {HANG} s") from None

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass

    def line(self, expected):
        """Read its standard output up to a line; it must come."""
        reader = concurrent.futures.Future()

        def read():
            for line in self.popen.stdout:
                if line.rstrip("\n") == expected:
                    reader.set_result(True)
                    return
            reader.set_result(False)
        threading.Thread(target=read, daemon=True).start()
        check(wait(reader, f"{self.name}: the line {expected!r}"),
              f"{self.name} ended without saying {expected!r}: "
              f"{self.errors()}")


class Vsockd(Process):
    """The daemon, serving all the guests of its lab."""

    def __init__(self, lab):
        argv = [program("vsockd"), "--control", lab.control]
        for name, cid in CIDS.items():
            argv += ["--guest", f"cid={cid},socket={lab.vm_socket(name)}"]
        super().__init__(lab, "vsockd", argv, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True)
        self.line("vsockd: ready")

    def terminate(self):
        """Ask it to end: it must do so with status 0 and no complaint."""
        if self.popen.poll() is None:
            self.popen.terminate()
        status = self.wait()
        check_equal(f"vsockd's exit status (it said: {self.errors()})",
                    status, 0)

    def kstats(self):
        """All statistics: {"module:instance:name:statistic": value}."""
        out = subprocess.run(
            [program("vsockrun"), "--control", self.lab.control, "--kstat"],
            check=True, timeout=HANG, text=True,
            stdout=subprocess.PIPE).stdout
        stats = {}
        for line in out.splitlines():
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


class Guest(Process):
    """A Linux machine with so many MiB of memory.

    `vsock' is the init's word of that name; without `backend' the machine has
    no vsock device."""

    def __init__(self, lab, name, vsock="virtio", backend=True, memory=256):
        self.cid = CIDS[name]
        self.console = os.path.join(
            lab.dir, f"console-{name}.{next(lab.serial)}.log")
        listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(lab.dir, f"ctl{next(lab.serial)}")
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(HANG)
        argv = [
            "qemu-system-x86_64",
            "-accel", "kvm", "-accel", "tcg", "-cpu", "max",
            "-machine", "q35,memory-backend=mem",
            "-object",
            f"memory-backend-memfd,id=mem,size={memory}M,share=on",
            "-m", f"{memory}M", "-smp", "1",
            "-nodefaults", "-no-user-config", "-display", "none",
            "-nic", "none",
            "-kernel", os.path.join(BUILD, "linux", "vmlinuz"),
            "-initrd", os.path.join(BUILD, "linux", "initramfs"),
            "-append", f"console=ttyS0 quiet panic=-1 vsockguest=1 "
                       f"vsock={vsock}",
            "-serial", f"file:{self.console}",
            "-chardev", f"socket,id=ctl,path={path}",
            "-serial", "chardev:ctl",
        ]
        if backend:
            argv += [
                "-chardev", f"socket,id=vsock,path={lab.vm_socket(name)}",
                "-device", "vhost-user-vsock-pci,chardev=vsock",
            ]
        super().__init__(lab, f"guest-{name}", argv,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.agent = None
        lab.consoles.append(self.console)
        try:
            self.control, _ = listener.accept()
        except socket.timeout:
            raise Failed(f"QEMU did not start: {self.errors()}") from None
        finally:
            listener.close()
        self.agent = Remote(
            self.name,
            self.control.makefile("r", newline="\n", errors="replace"),
            self.control.makefile("w", newline="\n"))
        try:
            self.agent.wait_ready()
        except Failed as e:
            raise Failed(f"{e}: {self.errors()}") from None

    def reboot(self, how="b"):
        """Restart it by a letter for sysrq (b: reboot, c: panic)."""
        times = self.agent.ready
        self.agent.start("sh", cmd=f"echo {how} > /proc/sysrq-trigger")
        self.agent.wait_ready(times + 1)

    def sockets(self):
        """How many sockets of the guest have a connection of any state."""
        return int(self.agent.shell(
            "cat /sys/module/vmw_vsock_virtio_transport/refcnt"))

    def kill(self):
        super().kill()
        if self.agent is not None:
            self.agent.thread.join()
            self.control.close()


class Peer(Process):
    """The engine on the host, a program run by vsockrun."""

    def __init__(self, lab):
        super().__init__(lab, "peer", lab.vsockrun(program("peer")),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
        self.remote = Remote(self.name, self.popen.stdout, self.popen.stdin)
        self.remote.wait_ready()

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.remote.thread.join()
        super().kill()


class Lab:
    """vsockd, its guests and programs: all begun when first asked for."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="vsock-test.")
        self.control = os.path.join(self.dir, "control")
        self.serial = itertools.count(1)
        self.processes = []
        self.consoles = []
        self.guests = {}
        self._vsockd = None
        self._peer = None
        self.next_port = 5000

    def vm_socket(self, name):
        return os.path.join(self.dir, f"vm-{name}")

    def vsockrun(self, *argv):
        """The command line that runs a program with our sockets."""
        return [program("vsockrun"), "--control", self.control, "--",
                *argv]

    def port(self):
        """A port that no other test of this lab uses."""
        self.next_port += 1
        return self.next_port

    @property
    def vsockd(self):
        if self._vsockd is None:
            self._vsockd = Vsockd(self)
        return self._vsockd

    def guest(self, name="a", **kwargs):
        """The guest; begun again if it is not running."""
        self.vsockd
        guest = self.guests.get(name)
        if guest is None or guest.popen.poll() is not None:
            guest = self.guests[name] = Guest(self, name, **kwargs)
        return guest

    @property
    def peer(self):
        """The engine on the host, as Remote."""
        self.vsockd
        if self._peer is None or self._peer.popen.poll() is not None:
            self._peer = Peer(self)
        return self._peer.remote

    def run(self, *argv, **kwargs):
        """Run a program under vsockrun, as Process."""
        self.vsockd
        return Process(self, os.path.basename(argv[0]),
                       self.vsockrun(*argv), **kwargs)

    def vcat_listen(self, port, **kwargs):
        """A vcat on the host that listens, as Process."""
        process = self.run(program("vcat"), "-l", str(port), **kwargs)
        until(lambda: "listening" in process.errors(), "vcat listens")
        return process

    def ends(self):
        """Both ways to connect to and from guest a.

        Yields (who listens, who connects, the CID to connect to)."""
        guest = self.guest()
        yield guest.agent, self.peer, guest.cid
        yield self.peer, guest.agent, HOST

    def stop(self, process):
        """End a process for good."""
        process.kill()
        self.processes.remove(process)

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

    def close(self):
        """End everything; vsockd must end as it should."""
        try:
            others = [p for p in self.processes if p is not self._vsockd]
            for process in reversed(others):
                process.kill()
            if self._vsockd is not None and \
                    self._vsockd.popen.poll() is None:
                self._vsockd.terminate()
        finally:
            self.discard()

    def discard(self):
        """Kill everything, whatever it does."""
        for process in reversed(self.processes):
            process.kill()
        self.processes.clear()
        shutil.rmtree(self.dir, ignore_errors=True)


def connection(listener, client, cid, port, **kwargs):
    """A new connection: the fds of the listener's and the client's side."""
    lfd = listener.call("listen", port=port, **kwargs)["fd"]
    accepting = listener.start("accept", fd=lfd)
    cfd = client.call("connect", cid=cid, port=port, **kwargs)["fd"]
    sfd = wait(accepting, "accept")["fd"]
    listener.call("close", fd=lfd)
    return sfd, cfd


def transfer(sender, sfd, receiver, rfd, seed, count, **kwargs):
    """Move bytes over a connection, each of them checked."""
    sending = sender.start("send", fd=sfd, seed=seed, bytes=count, **kwargs)
    got = receiver.call("recv", fd=rfd, seed=seed, bytes=count, **kwargs)
    check_equal("bytes sent", wait(sending)["bytes"], count)
    check_equal("bytes received", got["bytes"], count)
