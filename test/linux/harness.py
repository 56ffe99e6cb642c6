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

"""What the tests with two or more systems are made of.

Remote is the Python end of the protocol of an engine (traffic.c), on whatever
side it runs; Process is a child process.  The systems that they run in and
belong to are those of labs.py.

Nothing here sleeps: whatever takes time ends in an event (a line, a reply, the
end of a process), and the wait for it fails after HANG seconds.  All processes
are children of this one and are killed by their process ids when their object
is closed.

One thread reads from each Remote; the futures it completes are the only data
shared with the thread that runs the tests.
"""

import concurrent.futures
import itertools
import os
import subprocess
import threading
import time
import urllib.parse

HANG = float(os.environ.get("VSOCK_TEST_HANG", "120"))
BUILD = os.path.abspath(os.environ.get("VSOCK_TEST_BUILD", "build"))
LOCAL = 1                       # everybody's CID for himself
HOST = 2                        # the host's CID, as its guests know it
MIB = 1 << 20

LINUX_GUEST = "linux-guest"
LINUX_HOST = "linux-host"
PAIR = "pair"
NESTED = "nested"
ILLUMOS_ALONE = "illumos-alone"
ILLUMOS_GUEST = "illumos-guest"


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


def on(*names):
    """The labs, by name, that a test is for; only LINUX_GUEST without it."""
    def mark(function):
        function.labs = names
        return function
    return mark


everywhere = on(LINUX_GUEST, LINUX_HOST, PAIR, NESTED, ILLUMOS_ALONE,
                ILLUMOS_GUEST)
with_shell = on(LINUX_GUEST, LINUX_HOST, PAIR, NESTED)


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


def resident(pid, what="VmRSS"):
    """The resident set of a process, in bytes; RssAnon: without what it shares
    with others, as the memory of its guests."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError(what)


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

    def next_line(self):
        """The next line of its standard output; None at the end."""
        reader = concurrent.futures.Future()
        threading.Thread(
            target=lambda: reader.set_result(self.popen.stdout.readline()),
            daemon=True).start()
        line = wait(reader, f"{self.name}: a line of its output")
        return line.rstrip("\n") if line else None

    def line(self, expected):
        """Read its standard output up to a line; it must come."""
        line = self.next_line()
        while line != expected:
            check(line is not None, f"{self.name} ended without saying "
                                    f"{expected!r}: {self.errors()}")
            line = self.next_line()


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
