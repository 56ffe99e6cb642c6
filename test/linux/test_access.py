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

"""What a guest may reach, from the side of the one who should be refused."""

import contextlib
import glob
import os
import shutil
import socket
import stat
import subprocess
import tempfile

import harness
from harness import HANG, HOST, PAIR, check, check_equal, on, program
from labs import LocalVsockd

CID = 7
ALLOWED = (2000, 2009, 2022)
REFUSED = (1999, 2010, 2021, 2023, 100000)


@on(PAIR)
def test_allowed_ports(lab):
    """Ports that are not in the list are as if nobody listened there."""
    path = lab.socket("guarded")
    host = lab.begin("guarded", lambda: LocalVsockd(
        lab, "guarded", "--guest",
        f"cid={CID},socket={path},allow=2000-2009,2022")).peer
    guest = lab.begin("guarded-guest", lambda: LocalVsockd(
        lab, "guarded-guest", "--device", f"vhost-user,socket={path}")).peer

    listeners = []
    for port in ALLOWED + REFUSED:
        listeners.append(host.call("listen", port=port)["fd"])
    for port in REFUSED:
        reply = guest.refused("ECONNRESET", "connect", cid=HOST, port=port)
        check(reply["ms"] < 1900, f"only after {reply['ms']} ms")
    for port, lfd in zip(ALLOWED, listeners):
        cfd = guest.call("connect", cid=HOST, port=port)["fd"]
        accepted = host.call("accept", fd=lfd)
        check_equal("who has connected", accepted["cid"], CID)
        harness.transfer(guest, cfd, host, accepted["fd"], seed=port,
                         count=1000)
        guest.call("close", fd=cfd)
        host.call("close", fd=accepted["fd"])
    # The host may connect to any port of the guest.
    sfd, cfd = harness.connection(guest, host, CID, REFUSED[0])
    harness.transfer(host, cfd, guest, sfd, seed=1, count=1000)
    for remote, fd in (guest, sfd), (host, cfd):
        remote.call("close", fd=fd)
    for lfd in listeners:
        host.call("close", fd=lfd)


@on(PAIR)
def test_confined(lab):
    """A vsockd that runs has given up what it does not need, in all threads."""
    pid = lab.host_vsockd.popen.pid
    tasks = glob.glob(f"/proc/{pid}/task/*/status")
    check(len(tasks) > 1, "it has several threads")
    for path in tasks:
        with open(path, encoding="ascii") as file:
            status = file.read().split("\n")
        check("Seccomp:\t2" in status, f"{path}: calls are filtered")
        check("NoNewPrivs:\t1" in status, f"{path}: no new privileges")


@contextlib.contextmanager
def public(lab):
    """For what begins meanwhile, a folder that everybody may look into and
    write to."""
    private = lab.dir
    lab.dir = tempfile.mkdtemp(dir="/tmp", prefix="vsock-test.")
    os.chmod(lab.dir, 0o1777)
    try:
        yield lab.dir
    finally:
        shutil.rmtree(lab.dir)
        lab.dir = private


def as_user(uid, argv):
    """Run a program as a user: whether it succeeds, and what it said."""
    try:
        result = subprocess.run(argv, user=uid, group=uid, extra_groups=[],
                                stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=HANG, check=False)
    except PermissionError as e:
        raise harness.Skipped(f"others may not run {argv[0]}: {e}") from None
    return result.returncode == 0, result.stdout + result.stderr


def connects(uid, path, kind):
    """Whether a user's program gets as far as a Unix socket."""
    return as_user(uid, [PERL, "-MSocket", "-e", f"""
        socket(S, AF_UNIX, {kind}, 0) or die;
        connect(S, sockaddr_un("{path}")) or die "$!";"""])


def binds(uid, vsockd, port):
    """Whether a user's program gets a port."""
    return as_user(uid, vsockd.vsockrun(PERL, "-e", f"""
        socket(S, {socket.AF_VSOCK}, {int(socket.SOCK_STREAM)}, 0) or die "$!";
        bind(S, pack("SSLLx4", {socket.AF_VSOCK}, 0, {port},
            {socket.VMADDR_CID_ANY})) or die "$!";"""))


def root_only():
    if os.geteuid() != 0:
        raise harness.Skipped("only root can be somebody else")


PERL = "/usr/bin/perl"          # which everybody may run
NOBODY, DAEMON = 65534, 1


@on(PAIR)
def test_sockets_owner(lab):
    """Others do not reach the control socket, nor be a guest; not even if
    somebody has changed the mode of the file."""
    root_only()
    with public(lab) as folder:
        vsockd = LocalVsockd(lab, "own", "--guest",
                             f"cid={CID},socket={folder}/vm")
        for path in vsockd.control, f"{folder}/vm":
            info = os.lstat(path)
            check(stat.S_ISSOCK(info.st_mode), path)
            check_equal(f"who {path} is for",
                        (stat.S_IMODE(info.st_mode), info.st_uid), (0o600, 0))
        for path, kind in ((vsockd.control, "SOCK_SEQPACKET"),
                           (f"{folder}/vm", "SOCK_STREAM")):
            check(connects(0, path, kind)[0], f"root connects to {path}")
            done, said = connects(NOBODY, path, kind)
            check(not done and "Permission denied" in said, said)
        os.chmod(vsockd.control, 0o666)
        check(connects(NOBODY, vsockd.control, "SOCK_SEQPACKET")[0],
              "the mode does not keep others out")
        check(not binds(NOBODY, vsockd, 5000)[0],
              "another user has got a socket")
        done, said = binds(0, vsockd, 80)
        check(done, said)
        vsockd.terminate()
        lab.processes.remove(vsockd)


@on(PAIR)
def test_user(lab):
    """vsockd that root has started, and is another user then."""
    root_only()
    with public(lab) as folder:
        host = LocalVsockd(lab, "daemon", "--user", "daemon", "--guest",
                           f"cid={CID},socket={folder}/vm")
        guest = LocalVsockd(lab, "daemons-guest", "--user", "daemon",
                            "--device", f"vhost-user,socket={folder}/vm")
        for vsockd in host, guest:
            pid = vsockd.popen.pid
            tasks = glob.glob(f"/proc/{pid}/task/*/status")
            check(len(tasks) > 1, "it has several threads")
            for path in tasks:
                with open(path, encoding="ascii") as file:
                    status = dict(line.split(":\t", 1) for line in
                                  file.read().splitlines() if ":\t" in line)
                for key in "Uid", "Gid":
                    check_equal(key, status[key].split(), ["1"] * 4)
                check_equal("groups", status["Groups"].split(), ["1"])
                for key in "CapInh", "CapPrm", "CapEff", "CapAmb":
                    check_equal(key, int(status[key], 16), 0)
                check_equal("seccomp", status["Seccomp"], "2")
        info = os.lstat(host.control)
        check_equal("the control socket's",
                    (stat.S_IMODE(info.st_mode), info.st_uid), (0o600, DAEMON))

        # Programs of the user are users here; only root's are more.
        done, said = binds(DAEMON, host, 5000)
        check(done, f"its own program: {said}")
        done, said = binds(DAEMON, host, 80)
        check(not done and "Permission denied" in said, said)
        done, said = binds(0, host, 80)
        check(done, f"a program of root: {said}")
        check(not binds(NOBODY, host, 5000)[0], "another's program")

        # It works.
        sfd, cfd = harness.connection(host.peer, guest.peer, HOST, 5000)
        harness.transfer(guest.peer, cfd, host.peer, sfd, seed=1, count=100000)
        for vsockd in guest, host:
            vsockd.kill_peer()
            vsockd.terminate()
            lab.processes.remove(vsockd)
        check_equal("what is left", [name for name in os.listdir(folder)
                                     if name == "vm" or "control" in name],
                    [])


@on(PAIR)
def test_user_wrong(lab):
    """Nobody who does not exist; and only root can be somebody else."""
    argv = [program("vsockd"), "--control", os.path.join(lab.dir, "no"),
            "--user"]
    result = subprocess.run(argv + ["no-such-user"], stderr=subprocess.PIPE,
                            text=True, timeout=HANG, check=False)
    check_equal("the exit status", result.returncode, 2)
    check("there is no such user" in result.stderr, result.stderr)
    root_only()
    done, said = as_user(NOBODY, argv + ["daemon"])
    check(not done and "only root can be another user" in said, said)
