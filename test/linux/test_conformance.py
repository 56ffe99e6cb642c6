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

"""The table of conformance: conform on Linux and on ours.

Of each kind of system two are looked at, Linux and ours, with the other kind at
the other end.  What they say is compared by table.py, and left as a table in
BUILD/conformance.md.
"""

import concurrent.futures
import contextlib
import os
import subprocess
import sys

import harness
import labs
from harness import (BUILD, HOST, ILLUMOS_ALONE, ILLUMOS_GUEST, check, on,
                     wait)

CONFORMANCE = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "conformance")
sys.path.insert(0, CONFORMANCE)

import table                    # noqa: E402

LOCAL = 1
PORT = 700                      # of the peer's commands
SILENT = 50                     # a guest of Linux that never answers
GROUP = 15                      # rows that are waited for at a time
VSOCKRUN = "vsockrun --control vsockd.d/control -- "


def results(text):
    """What conform has said: {row: result}."""
    return dict(line.split("\t", 1) for line in text.splitlines())


class Here:
    """conform under vsockrun on this machine."""

    def __init__(self, lab, vsockd):
        self.lab = lab
        self.vsockd = vsockd

    def serve(self):
        process = self.vsockd.run(
            harness.program("conform"), "serve", str(PORT),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        process.line("serving")
        return lambda: self.lab.stop(process)

    def run(self, rows, *args):
        process = self.vsockd.run(
            harness.program("conform"), "run", *args, *rows,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        text = process.popen.stdout.read()
        check(process.wait() == 0, process.errors())
        return results(text)


class There:
    """conform in a Linux machine, perhaps under vsockrun."""

    def __init__(self, agent, prefix=""):
        self.agent = agent
        self.prefix = prefix

    def serve(self):
        name = "served-" + ("ours" if self.prefix else "theirs")
        self.agent.shell(f"mkfifo {name}")
        life = self.agent.start("sh", cmd=(
            f"echo $$ >{name}.pid; exec {self.prefix}conform serve {PORT} "
            f">{name} 2>/dev/ttyS0"))
        said = self.agent.shell(f"read line <{name}; rm {name}; echo $line")
        check(said == "serving\n", f"conform said {said!r}")

        def stop():
            self.agent.shell(f"kill -KILL $(cat {name}.pid)")
            wait(life, "the end of conform")
        return stop

    def run(self, rows, *args):
        return results(self.agent.shell(
            f"{self.prefix}conform run {' '.join((*args, *rows))} "
            "2>/dev/ttyS0"))


class OnIllumos:
    """conform on an illumos machine."""

    def __init__(self, machine):
        self.machine = machine

    def serve(self):
        self.machine.agent.start("sh", cmd=f"conform serve {PORT} >/tmp/served")

        def serves():
            with contextlib.suppress(harness.Failed):
                return self.machine.command("size /tmp/served") != "0"
        harness.until(serves, "conform serves")
        # There is nobody who could end it but the end of the system.
        return self.machine.reboot

    def run(self, rows, *args):
        return results(self.machine.agent.shell(
            f"conform run {' '.join((*args, *rows))}"))


def all_rows():
    """{row: what it is about}."""
    return dict(line.split("\t", 1) for line in subprocess.run(
        [harness.program("conform"), "list"], check=True, text=True,
        stdout=subprocess.PIPE).stdout.splitlines())


def look(rows, subject, peer, *args):
    """The results of a system with another as its peer."""
    found = {}
    rows = list(rows)
    stop = peer.serve()
    try:
        for i in range(0, len(rows), GROUP):
            found.update(subject.run(rows[i:i + GROUP], *args))
    finally:
        stop()
    return found


def test_table(lab):
    """What the comparison finds wrong."""
    rows = {f"A{n}": "" for n in range(1, table.LAST + 1)}

    def problems(linux, ours, listed, rows=rows, absent=None):
        return table.compare(
            rows, {place: {**dict.fromkeys(rows, "ok"), **linux}
                   for place in table.PLACES},
            {place: {**dict.fromkeys(rows, "ok"), **ours}
             for place in table.PLACES},
            {("A1", place): table.Difference("choice", listed, "")
             for place in table.PLACES if listed}, absent or {})[1]
    good = problems({"A1": "EIO"}, {"A1": "EPERM"}, "EPERM")
    check(not good, f"nothing is wrong with {good}")
    for what, wrong in {
            "a difference": problems({"A1": "EIO"}, {}, None),
            "another one": problems({"A1": "EIO"}, {}, "EPERM"),
            "none": problems({}, {}, "ok"),
            "a row that failed": problems({"A2": "FAILED x"},
                                          {"A2": "FAILED x"}, None),
            "one that is run nowhere": problems({}, {"A2": "-"}, None),
            "one that is run, and not": problems({}, {}, None,
                                                 absent={"A3": ""}),
            "a line for no row": problems({}, {}, "ok", rows={
                row: "" for row in rows if row != "A1"},
                absent={"A1": ""}),
            "a missing row": problems({}, {}, None, rows={
                row: "" for row in rows if row != "A7"})}.items():
        check(wrong, f"{what} is not noticed")


def test_conformance(lab):
    rows = all_rows()
    # Guest b is there, but has no driver.
    if "b" in lab.guests:
        lab.stop(lab.guests.pop("b"))
    silent = lab.guest("b", vsock="none")
    guest = lab.guest()
    host = labs.LinuxHost()
    linux, ours = {}, {}
    try:
        our_host = Here(lab, lab.vsockd)
        linux_guest = There(guest.agent)
        linux_host = There(host.host)
        host.guest_vsockd
        our_guest = There(host.host, VSOCKRUN)

        def first():
            ours["loopback"] = look(rows, our_host, our_host, str(LOCAL),
                                    str(PORT))
            ours["host"] = look(rows, our_host, linux_guest, "-q",
                                str(silent.cid), str(guest.cid), str(PORT))
            guest.agent.shell("modprobe vsock_loopback")
            linux["guest"] = look(rows, linux_guest, our_host, "-o",
                                  str(guest.cid), str(HOST), str(PORT))

        def second():
            linux["loopback"] = look(rows, linux_host, linux_host,
                                     str(LOCAL), str(PORT))
            linux["host"] = look(rows, linux_host, our_guest, "-H",
                                 str(SILENT), str(labs.GUEST), str(PORT))
            ours["guest"] = look(rows, our_guest, linux_host, "-o",
                                 str(labs.GUEST), "-q", "0", str(HOST),
                                 str(PORT))

        with concurrent.futures.ThreadPoolExecutor() as pool:
            for future in [pool.submit(first), pool.submit(second)]:
                future.result()
        host.check_running()
        # Other tests want it as any other.
        silent.agent.shell("modprobe vmw_vsock_virtio_transport")
    except BaseException as e:
        report = host.report()
        host.discard()
        raise harness.Failed(f"{e!r}\n{report}") from e
    host.close()

    listed, absent = table.load()
    lines, problems = table.compare(rows, linux, ours, listed, absent)
    with open(os.path.join(BUILD, "conformance.md"), "w",
              encoding="ascii") as f:
        f.write(table.render(rows, lines, absent))
    check(not problems, "conformance:\n" + "\n".join(problems))


def compare_illumos(place, illumos, illumos_peer, vsockd, vsockd_peer, *args):
    """ours on a real illumos kernel, and in a vsockd."""
    rows = all_rows()
    problems = table.compare_illumos(
        place, look(rows, vsockd, vsockd_peer, *args),
        look(rows, illumos, illumos_peer, *args), table.load()[0])
    check(not problems, "conformance:\n" + "\n".join(problems))


@on(ILLUMOS_ALONE)
def test_illumos_loopback(lab):
    pair = labs.Pair()
    try:
        vsockd = Here(pair, pair.host_vsockd)
        illumos = OnIllumos(lab.machine)
        compare_illumos("illumos-loopback", illumos, illumos, vsockd, vsockd,
                        "-o", str(LOCAL), str(LOCAL), str(PORT))
    finally:
        pair.discard()


@on(ILLUMOS_GUEST)
def test_illumos_guest(lab):
    pair = labs.Pair()
    try:
        compare_illumos("illumos-guest", OnIllumos(lab.guest()),
                        Here(lab, lab.vsockd), Here(pair, pair.guest_vsockd),
                        Here(pair, pair.host_vsockd), "-o", str(labs.GUEST),
                        str(HOST), str(PORT))
    finally:
        pair.discard()
