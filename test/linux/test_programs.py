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

"""Programs that know nothing of us: on the host by vsockrun, and in the guest."""

import contextlib
import hashlib
import json
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


def echo(client, cid, port, seed, size=SIZE):
    """The server at the port must echo; both directions at once."""
    fd = client.call("connect", cid=cid, port=port)["fd"]
    sending = client.start("send", fd=fd, seed=seed, bytes=size)
    got = client.call("recv", fd=fd, seed=seed, bytes=size)
    check_equal("bytes sent", wait(sending)["bytes"], size)
    check_equal("bytes echoed", got["bytes"], size)
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
            *argv, f"VSOCK-CONNECT:{guest.cid}:{port}" if argv[0] == "socat"
            else str(port), stdin=f, stdout=out)
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


def need(*programs):
    for name in programs:
        if shutil.which(name) is None:
            raise harness.Skipped(f"no {name}")


def test_ncat_connect(lab):
    need("ncat")
    check_client(lab, "ncat", "--vsock", str(lab.guest().cid))


def test_ncat_listen(lab):
    """ncat gives each connection to a cat of its own.  Its one thread waits for
    the cat to read, which may wait for its output to be read: no more must be
    under way than the pipes hold."""
    need("ncat")
    guest = lab.guest()
    port = lab.port()
    process = lab.vsockd.run(
        "ncat", "-v", "--listen", "--vsock", "--keep-open", "--exec",
        "/bin/cat", str(port), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL)
    harness.until(lambda: "Listening on" in process.errors(), "ncat listens")
    echo(guest.agent, harness.HOST, port, 5, 32768)
    echo(guest.agent, harness.HOST, port, 6, 32768)
    lab.stop(process)


def test_socat_connect(lab):
    need("socat")
    check_client(lab, "socat", "-t", str(harness.HANG), "STDIO")


def test_socat_listen(lab):
    """socat gives each connection to a cat of its own."""
    need("socat")
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


@contextlib.contextmanager
def daemon(agent, command, ready=None):
    """A command that goes on in the guest, until it is killed; it is ready when
    its errors have that text."""
    log = f"daemon-{os.urandom(4).hex()}"
    life = agent.start("sh", cmd=f"echo $$ >{log}.pid; exec {command} "
                                 f"</dev/null >/dev/null 2>{log}")
    harness.until(lambda: agent.shell(f"cat {log} 2>/dev/null || true").find(
        ready or "") >= 0, f"{command} is ready")
    try:
        yield
    except Exception as e:
        raise harness.Failed(f"{e}; {command} says: "
                             f"{agent.shell('cat ' + log)}") from e
    finally:
        agent.shell(f"kill -KILL $(cat {log}.pid)")
        wait(life, "the end of a daemon")


def put_file(agent, name, text):
    """A small file in the guest."""
    agent.shell(f"printf '{''.join(f'%c{o:03o}' % 92 for o in text.encode())}'"
                f" >{name}")


def test_socat_guest(lab):
    """socat at both ends; the one in the guest forks for each connection."""
    need("socat")
    guest = lab.guest()
    port = lab.port()
    with daemon(guest.agent,
                f"socat -d -d VSOCK-LISTEN:{port},fork EXEC:cat",
                "listening on"):
        clients = []
        for i in range(3):
            clients.append((random.Random(i).randbytes(SIZE), lab.vsockd.run(
                "socat", "-t", str(harness.HANG), "STDIO",
                f"VSOCK-CONNECT:{guest.cid}:{port}", stdin=subprocess.PIPE,
                stdout=subprocess.PIPE)))
        for data, process in clients:
            out, _ = process.popen.communicate(data, harness.HANG)
            check_equal("bytes", len(out), len(data))
            harness.check(out == data, "what comes back is something else")
            check_equal(f"the exit status ({process.errors()})",
                        process.wait(), 0)


def test_guest_agent(lab):
    """QEMU's guest agent answers questions that ncat carries."""
    need("ncat")
    guest = lab.guest()
    port = lab.port()

    def ask(process, question, **arguments):
        process.popen.stdin.write(json.dumps(
            {"execute": question, "arguments": arguments}) + "\n")
        process.popen.stdin.flush()
        return json.loads(process.next_line() or "{}")["return"]

    with daemon(guest.agent, f"qemu-ga -m vsock-listen -p {guest.cid}:{port} "
                             "-t /tmp -f /tmp/qemu-ga.pid"):
        # It does not say when it listens.
        def listens():
            with contextlib.suppress(harness.RemoteError):
                fd = lab.peer.call("connect", cid=guest.cid, port=port)["fd"]
                lab.peer.call("close", fd=fd)
                return True
        harness.until(listens, "the agent listens")
        process = lab.vsockd.run(
            "ncat", "--vsock", str(guest.cid), str(port),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check_equal("the answer", ask(process, "guest-sync", id=port), port)
        check_equal("the kernel's release",
                    ask(process, "guest-get-osinfo")["kernel-release"],
                    guest.agent.shell("uname -r").strip())
        lab.stop(process)


def test_ssh(lab):
    """ssh to the guest, whose sshd sits behind socat."""
    need("ssh", "ssh-keygen", "socat")
    guest = lab.guest()
    port = lab.port()
    keys = {}
    for name in "host", "user":
        path = os.path.join(lab.dir, f"{name}-key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                        "-C", "", "-f", path], check=True)
        with open(path, encoding="ascii") as private, \
                open(path + ".pub", encoding="ascii") as public:
            keys[name] = path, private.read(), public.read()
    known = os.path.join(lab.dir, "known_hosts")
    with open(known, "w", encoding="ascii") as f:
        f.write(f"guest {keys['host'][2]}")
    guest.agent.shell("mkdir -p /etc /run/sshd /root; chmod 700 /root")
    put_file(guest.agent, "/etc/passwd",
             "root:*:0:0::/root:/bin/sh\nsshd:*:99:99::/run/sshd:/bin/false\n")
    put_file(guest.agent, "host-key", keys["host"][1])
    put_file(guest.agent, "authorized", keys["user"][2])
    put_file(guest.agent, "sshd_config",
             "HostKey /tmp/host-key\nAuthorizedKeysFile /tmp/authorized\n"
             "StrictModes no\nUsePAM no\n")
    guest.agent.shell("chmod 600 host-key")
    control = " ".join(lab.vsockd.vsockrun(
        "socat", "-", f"VSOCK-CONNECT:{guest.cid}:{port}"))
    with daemon(guest.agent,
                f"socat -d -d VSOCK-LISTEN:{port},fork "
                "EXEC:'/bin/sshd -i -e -f /tmp/sshd_config'", "listening on"):
        ssh = ["ssh", "-F", "none", "-i", keys["user"][0],
               "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}",
               "-o", f"ProxyCommand={control}", "root@guest"]
        data = random.Random(port).randbytes(SIZE)
        done = subprocess.run([*ssh, "tee copy"], input=data, timeout=harness.HANG,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check_equal(f"ssh's exit status ({done.stderr.decode()})",
                    done.returncode, 0)
        harness.check(done.stdout == data, "what comes back differs")
        check_equal("the SHA-256 in the guest",
                    guest.agent.shell("sha256sum /root/copy").split()[0],
                    hashlib.sha256(data).hexdigest())
        done = subprocess.run([*ssh, "exit 7"], timeout=harness.HANG)
        check_equal("the status of a command", done.returncode, 7)


def test_file_sharing(lab):
    """The guest mounts a folder of the host: sshfs, and the sftp-server of
    OpenSSH behind socat."""
    server = "/usr/lib/openssh/sftp-server"
    need("socat", server)
    guest = lab.guest()
    port = lab.port()
    folder = os.path.join(lab.dir, "shared")
    os.mkdir(folder)
    data = random.Random(port).randbytes(SIZE)
    with open(os.path.join(folder, "data"), "wb") as f:
        f.write(data)
    process = lab.vsockd.run(
        "socat", "-d", "-d", f"VSOCK-LISTEN:{port},fork",
        f"EXEC:{server} -e", stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL)
    harness.until(lambda: "listening on" in process.errors(), "socat listens")
    put_file(guest.agent, "over-vsock",
             f"#!/bin/sh\nexec socat - VSOCK-CONNECT:{harness.HOST}:{port}\n")
    guest.agent.shell(
        "modprobe fuse; chmod 755 over-vsock; mkdir -p mnt; "
        f"sshfs -o ssh_command=/tmp/over-vsock host:{folder} mnt")
    check_equal("the SHA-256 of the host's file",
                guest.agent.shell("sha256sum mnt/data").split()[0],
                hashlib.sha256(data).hexdigest())
    guest.agent.shell("mkdir mnt/new; echo from the guest >mnt/new/file; "
                      "mv mnt/data mnt/new/data; umount mnt; rmdir mnt")
    with open(os.path.join(folder, "new", "file"), encoding="ascii") as f:
        check_equal("the guest's file", f.read(), "from the guest\n")
    check_equal("the folder", os.listdir(folder), ["new"])
    lab.stop(process)


def test_metadata(lab):
    """examples/: each guest reads what is meant for it, whatever another one
    does."""
    a, b = lab.guest("a"), lab.guest("b")
    port = lab.port()
    folder = os.path.join(lab.dir, "metadata")
    for guest, name, text in ((a, "hostname", "alice\n"),
                              (b, "hostname", "bob\n"),
                              (b, "user-data", "x" * SIZE)):
        os.makedirs(os.path.join(folder, str(guest.cid)), exist_ok=True)
        with open(os.path.join(folder, str(guest.cid), name), "w",
                  encoding="ascii") as f:
            f.write(text)
    os.symlink(f"../{b.cid}/hostname", os.path.join(folder, str(a.cid), "link"))
    process = lab.vsockd.run(harness.program("mdserve"), "-p", str(port),
                             folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True)
    process.line("mdserve: ready")

    def get(guest, *args):
        out = guest.agent.shell(f"mdget -p {port} {' '.join(args)} 2>&1; "
                                "echo status $?")
        text, _, status = out.rpartition("status ")
        return int(status), text

    for guest, names in (a, ["hostname", "link"]), (b, ["hostname",
                                                        "user-data"]):
        check_equal("the names", sorted(get(guest)[1].splitlines()), names)
    check_equal("a's name", get(a, "hostname"), (0, "alice\n"))
    check_equal("b's name", get(b, "hostname"), (0, "bob\n"))
    check_equal("the SHA-256 of b's data",
                get(b, "user-data | sha256sum")[1].split()[0],
                hashlib.sha256(b"x" * SIZE).hexdigest())
    for name in "user-data", "link":
        check_equal(name, get(a, name)[0], 1)

    # One that asks nothing has few connections, and others have theirs.
    fds = [a.agent.call("connect", cid=harness.HOST, port=port)["fd"]
           for _ in range(4)]
    fd = a.agent.call("connect", cid=harness.HOST, port=port)["fd"]
    check_equal("the fifth", a.agent.call("recv", fd=fd),
                {"bytes": 0, "eof": 1})
    check_equal("b's name", get(b, "hostname"), (0, "bob\n"))
    # The first bytes of a pattern are no name.
    a.agent.call("send", fd=fds[0], seed=1, bytes=1000)
    check_equal("no answer", a.agent.call("recv", fd=fds[0]),
                {"bytes": 0, "eof": 1})
    for fd in (*fds, fd):
        a.agent.call("close", fd=fd)
    harness.until(lambda: get(a, "hostname") == (0, "alice\n"),
                  "a is served again")
    lab.stop(process)
