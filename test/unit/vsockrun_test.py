#!/usr/bin/env python3
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

"""vsockd and vsockrun without QEMU.

    vsockrun_test.py BUILD [NAME...]

The outer process starts a vsockd of BUILD and tests it from outside: its
options, its end, its vhost-user sockets (with the small virtual machine of
vhost_user.py).  The tests that need sockets are functions inside_*, which a
second process of this script under vsockrun runs ("--inside").

Prints "ok NAME" or "FAILED NAME: why" for each test, and how many there were.
"""

import array
import contextlib
import ctypes
import errno
import hashlib
import mmap
import os
import platform
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True

import vhost_user       # noqa: E402

HANG = 60       # seconds after which something hangs
GUEST = 3       # a CID
FIRST_PORT = 5000

HERE = os.path.abspath(__file__)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def check_equal(what, got, expected):
    check(got == expected, f"{what} is {got!r}, not {expected!r}")


@contextlib.contextmanager
def fails(*names):
    """The block must fail with one of these errno names."""
    try:
        yield
    except OSError as e:
        check(e.errno in [getattr(errno, name) for name in names],
              f"failed with {errno.errorcode[e.errno]}, not {names}")
        return
    raise AssertionError(f"did not fail with {names}")


def run_tests(tests, names):
    """Run those of the tests that are named, or all; how many failed."""
    passed = failed = 0
    for name, function in tests:
        if names and name not in names:
            continue
        try:
            function()
        except Exception as e:      # every test is to be run
            failed += 1
            print(f"FAILED {name}: {type(e).__name__}: {e}", flush=True)
            traceback.print_exc()
        else:
            passed += 1
            print(f"ok {name}", flush=True)
    return passed, failed


# Under vsockrun.

LOCAL = 1
next_port = FIRST_PORT


def port():
    global next_port
    next_port += 1
    return next_port


def vsock(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_VSOCK, kind)
    s.settimeout(None)
    return s


def listener(backlog=8, kind=socket.SOCK_STREAM):
    s = vsock(kind)
    s.bind((socket.VMADDR_CID_ANY, port()))
    s.listen(backlog)
    return s, s.getsockname()[1]


def connection(kind=socket.SOCK_STREAM):
    """A connected pair: the client's socket and the server's."""
    lis, number = listener(kind=kind)
    client = vsock(kind)
    client.connect((LOCAL, number))
    server, _ = lis.accept()
    lis.close()
    return client, server


def receive(s, count):
    data = b""
    while len(data) < count:
        more = s.recv(count - len(data))
        check(more, f"end of file after {len(data)} of {count} bytes")
        data += more
    return data


def receive_all(s):
    data = []
    while True:
        more = s.recv(65536)
        if not more:
            return b"".join(data)
        data.append(more)


def echo_once(client, server, data=b"hello"):
    client.sendall(data)
    check_equal("what arrives", receive(server, len(data)), data)
    server.sendall(data[::-1])
    check_equal("what comes back", receive(client, len(data)), data[::-1])


libc = ctypes.CDLL(None, use_errno=True)


def set_option(s, level, name, value):
    """setsockopt(2): Python's own insists on numbers for this family."""
    if libc.setsockopt(s.fileno(), level, name, value, len(value)) != 0:
        raise OSError(ctypes.get_errno(), "setsockopt")


def get_option(s, level, name, size):
    value = ctypes.create_string_buffer(size)
    length = ctypes.c_uint(size)
    if libc.getsockopt(s.fileno(), level, name, value,
                       ctypes.byref(length)) != 0:
        raise OSError(ctypes.get_errno(), "getsockopt")
    return value.raw[:length.value]


def thread(function, *args):
    t = threading.Thread(target=function, args=args, daemon=True)
    t.start()
    return t


def join(t):
    t.join(HANG)
    check(not t.is_alive(), "a thread hangs")


def polled(s, events, timeout=HANG):
    p = select.poll()
    p.register(s, events)
    for _, revents in p.poll(timeout * 1000):
        return revents
    return 0


def pattern(count):
    block = bytes(range(251))
    return (block * (count // len(block) + 1))[:count]


def inside_echo():
    client, server = connection()
    echo_once(client, server)
    client.close()
    check_equal("after the end", server.recv(1), b"")
    server.close()


def inside_read_write():
    """All the calls that move data."""
    client, server = connection()
    os.write(client.fileno(), b"abc")
    check_equal("read", os.read(server.fileno(), 10), b"abc")
    os.writev(client.fileno(), [b"de", b"", b"f"])
    parts = [bytearray(1), bytearray(9)]
    check_equal("readv", os.readv(server.fileno(), parts), 3)
    check_equal("its data", bytes(parts[0] + parts[1][:2]), b"def")
    client.sendmsg([b"gh", b"i"])
    data, ancillary, flags, address = server.recvmsg(10, 100)
    check_equal("recvmsg", (data, ancillary, flags), (b"ghi", [], 0))
    check(not address, f"recvmsg has an address: {address}")
    client.send(b"jkl")
    check_equal("peeked", server.recv(2, socket.MSG_PEEK), b"jk")
    data, address = server.recvfrom(10)
    check_equal("recvfrom", data, b"jkl")
    check(not address, f"recvfrom has an address: {address}")
    t = thread(lambda: [client.send(b"%d" % i) for i in range(10)])
    check_equal("MSG_WAITALL", server.recv(10, socket.MSG_WAITALL),
                b"0123456789")
    join(t)
    with fails("EAGAIN"):
        server.recv(1, socket.MSG_DONTWAIT)
    with fails("EOPNOTSUPP"):
        client.send(b"x", socket.MSG_OOB)
    with fails("EOPNOTSUPP"):
        client.recv(1, socket.MSG_OOB)
    with fails("EISCONN"):
        client.sendto(b"x", (LOCAL, 1))
    check_equal("a send of nothing", client.send(b""), 0)


def inside_names():
    lis, number = listener()
    check_equal("the listener's name", lis.getsockname(),
                (socket.VMADDR_CID_ANY, number))
    with fails("ENOTCONN"):
        lis.getpeername()
    client = vsock()
    client.connect((LOCAL, number))
    server, address = lis.accept()
    check_equal("accept's address", address, server.getpeername())
    check_equal("the client's peer", client.getpeername(), (LOCAL, number))
    check_equal("the server's port", server.getsockname()[1], number)
    check_equal("the client's port", client.getsockname()[1],
                server.getpeername()[1])
    check(client.getsockname()[1] >= 1024, "a reserved port was taken")


def inside_options():
    client, server = connection()
    for s in (client, server):
        check_equal("SO_TYPE", s.getsockopt(socket.SOL_SOCKET,
                                            socket.SO_TYPE),
                    socket.SOCK_STREAM)
        check_equal("SO_DOMAIN", s.getsockopt(socket.SOL_SOCKET, 39),
                    socket.AF_VSOCK)
        check_equal("SO_ERROR", s.getsockopt(socket.SOL_SOCKET,
                                             socket.SO_ERROR), 0)
        check_equal("SO_ACCEPTCONN", s.getsockopt(socket.SOL_SOCKET,
                                                  socket.SO_ACCEPTCONN), 0)
    lis, _ = listener()
    check_equal("SO_ACCEPTCONN of a listener", lis.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1)
    s = vsock()
    level, option = socket.AF_VSOCK, socket.SO_VM_SOCKETS_BUFFER_SIZE
    size = struct.pack("@Q", 65536)
    set_option(s, level, option, size)
    check_equal("the buffer's size", get_option(s, level, option, 8), size)
    timeout = struct.pack("@ll", 5, 250000)
    set_option(s, level, 6, timeout)
    check_equal("the connect timeout", get_option(s, level, 6, 16), timeout)
    with fails("EINVAL"):
        set_option(s, level, option, b"1")
    with fails("ENOPROTOOPT"):
        set_option(s, socket.IPPROTO_TCP, socket.TCP_NODELAY, bytes(4))
    with fails("ENOPROTOOPT"):
        get_option(s, socket.SOL_SOCKET, 9999, 4)
    timeout = struct.pack("@ll", 7, 0)
    set_option(s, socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
    check_equal("SO_RCVTIMEO", get_option(
        s, socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16), timeout)


def inside_more_options():
    """What is answered by whom does not show."""
    lis, number = listener()
    s = vsock()
    set_option(lis, socket.SOL_SOCKET, socket.SO_LINGER,
               struct.pack("@ii", 7, 3))
    s.connect((LOCAL, number))
    server, _ = lis.accept()
    on = struct.pack("@ii", 1, 3)
    for each in (lis, server):
        check_equal("SO_LINGER", get_option(
            each, socket.SOL_SOCKET, socket.SO_LINGER, 8), on)
    check_equal("SO_LINGER of another", get_option(
        s, socket.SOL_SOCKET, socket.SO_LINGER, 8), bytes(8))
    with fails("EINVAL"):
        set_option(s, socket.SOL_SOCKET, socket.SO_LINGER, bytes(7))
    for name in (socket.SO_SNDBUF, socket.SO_RCVBUF, socket.SO_RCVLOWAT):
        s.setsockopt(socket.SOL_SOCKET, name, 20000)
        check_equal(f"option {name}", s.getsockopt(socket.SOL_SOCKET, name),
                    20000)
    with fails("EINVAL"):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 << 30)
    check_equal("SO_PROTOCOL", s.getsockopt(socket.SOL_SOCKET, 38), 0)
    big = struct.pack("@Q", 1 << 20)
    for name in (socket.SO_VM_SOCKETS_BUFFER_MAX_SIZE,
                 socket.SO_VM_SOCKETS_BUFFER_SIZE,
                 socket.SO_VM_SOCKETS_BUFFER_MIN_SIZE):
        set_option(s, socket.AF_VSOCK, name, big)
        check_equal(f"option {name}", get_option(
            s, socket.AF_VSOCK, name, 8), big)
    for level, name in ((socket.AF_VSOCK, 3), (socket.AF_VSOCK, 99),
                        (287, 1), (socket.SOL_SOCKET, socket.SO_PEERCRED)):
        with fails("ENOPROTOOPT"):
            get_option(s, level, name, 64)
    for name in (socket.SO_TYPE, 39, socket.SO_ERROR, socket.SO_ACCEPTCONN):
        with fails("ENOPROTOOPT"):
            s.setsockopt(socket.SOL_SOCKET, name, 1)


def inside_rcvlowat():
    """A reader who waits gets no less, unless he wants no more."""
    client, server = connection()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 100)
    got = []
    t = thread(lambda: got.append(server.recv(1000)))
    for part in (60, 39, 1):
        check(not got, f"a reader got {got}")
        client.sendall(bytes(part))
    join(t)
    check(len(got[0]) >= 100, f"a reader got {len(got[0])} bytes")
    client.sendall(b"abcd")
    check_equal("a short read", server.recv(4), b"abcd")


def fill(s):
    """Send until no more is taken: how much that was."""
    s.setblocking(False)
    sent = 0
    while polled(s, select.POLLOUT, 0.2):
        with contextlib.suppress(BlockingIOError):
            sent += s.send(bytes(65536))
    s.setblocking(True)
    return sent


def inside_ioctl():
    client, server = connection()
    lis, _ = listener()
    count = ctypes.c_int(-1)

    def ioctl(s, request):
        if libc.ioctl(s.fileno(), ctypes.c_ulong(request),
                      ctypes.byref(count)) != 0:
            raise OSError(ctypes.get_errno(), "ioctl")
        return count.value
    fionread, siocoutq, fionbio = 0x541b, 0x5411, 0x5421
    check_equal("FIONREAD", ioctl(server, fionread), 0)
    client.sendall(b"12345")
    polled(server, select.POLLIN)
    check_equal("FIONREAD", ioctl(server, fionread), 5)
    check_equal("FIONREAD of a new socket", ioctl(vsock(), fionread), 0)
    sent = 5 + fill(client)
    # The peer's kernel has 256 KiB or so; what is before that has not gone.
    waits = ioctl(client, siocoutq)
    check(0 < waits < sent, f"{waits} of {sent} bytes have not been sent")
    receive(server, sent)
    check_equal("SIOCOUTQ", ioctl(client, siocoutq), 0)
    with fails("EOPNOTSUPP"):
        ioctl(vsock(), siocoutq)
    with fails("EINVAL"):
        ioctl(lis, siocoutq)
    count.value = 0
    ioctl(client, fionbio)
    check(os.get_blocking(client.fileno()), "FIONBIO")
    with fails("ENOTTY"):
        ioctl(client, 0x5401)
    cid = socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID
    with fails("ENOTTY"):
        ioctl(client, cid)


def inside_device():
    """/dev/vsock, however it is opened."""
    request = socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID
    cid = ctypes.c_uint(0)
    for opened in (lambda: os.open("/dev/vsock", os.O_RDONLY),
                   lambda: libc.open(b"/dev/vsock", os.O_RDWR),
                   lambda: libc.openat64(-100, b"/dev/vsock", 0),
                   lambda: libc.__open_2(b"/dev/vsock", 0)):
        fd = opened()
        check(fd >= 0, "it cannot be opened")
        cid.value = 0
        check_equal("ioctl", libc.ioctl(fd, ctypes.c_ulong(request),
                                        ctypes.byref(cid)), 0)
        check_equal("the CID", cid.value, 2)
        check_equal("another", libc.ioctl(fd, ctypes.c_ulong(0x5401),
                                          ctypes.byref(cid)), -1)
        os.close(fd)
    with tempfile.TemporaryFile() as other:
        check_equal("of another file", libc.ioctl(
            other.fileno(), ctypes.c_ulong(request), ctypes.byref(cid)), -1)
    check_equal("a name that is none", libc.open(None, 0), -1)
    check_equal("its errno", ctypes.get_errno(), errno.EFAULT)


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p),
                ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


def mmsg(buffers):
    messages = (Mmsghdr * len(buffers))()
    for message, data in zip(messages, buffers):
        iov = Iovec(ctypes.cast(data, ctypes.c_void_p), len(data))
        message.hdr.iov = ctypes.pointer(iov)
        message.hdr.iovlen = 1
    return messages


def inside_mmsg():
    client, server = connection()
    parts = [ctypes.create_string_buffer(b"abcd"[:n], n) for n in (1, 2, 4)]
    messages = mmsg(parts)
    check_equal("sendmmsg", libc.sendmmsg(client.fileno(), messages, 3, 0), 3)
    check_equal("lengths", [m.len for m in messages], [1, 2, 4])
    polled(server, select.POLLIN)
    room = [ctypes.create_string_buffer(3) for _ in range(5)]
    messages = mmsg(room)
    waitforone = 0x10000
    data, count = b"", 0
    while len(data) < 7:
        count = libc.recvmmsg(server.fileno(), messages, 5, waitforone, None)
        check(count >= 1, f"recvmmsg: {count}")
        data += b"".join(room[i].raw[:messages[i].len] for i in range(count))
    check_equal("data", data, b"aababcd")
    check_equal("recvmmsg of nothing", libc.recvmmsg(
        server.fileno(), messages, 5, socket.MSG_DONTWAIT, None), -1)
    check_equal("its errno", ctypes.get_errno(), errno.EAGAIN)
    fresh = vsock()
    check_equal("sendmmsg, not connected", libc.sendmmsg(
        fresh.fileno(), messages, 1, 0), -1)
    check_equal("its errno", ctypes.get_errno(), errno.ENOTCONN)


def inside_ancillary():
    """Descriptors and credentials do not travel through vsock."""
    client, server = connection()
    with fails("EOPNOTSUPP"):
        client.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                 array.array("i", [0]))])
    client.sendall(b"y")
    data, ancillary, flags, _ = server.recvmsg(10, socket.CMSG_SPACE(4))
    check_equal("what comes", (data, ancillary, flags), (b"y", [], 0))


def inside_sendfile():
    client, server = connection()
    with tempfile.TemporaryFile() as source:
        source.write(b"contents")
        source.flush()
        os.sendfile(client.fileno(), source.fileno(), 0, 8)
        check_equal("data", receive(server, 8), b"contents")
        fresh = vsock()
        with fails("ENOTCONN"):
            os.sendfile(fresh.fileno(), source.fileno(), 0, 8)


def inside_accept4():
    lis, number = listener()
    lis.setblocking(False)
    for flags in (0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC,
                  socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC):
        client = vsock()
        client.connect((LOCAL, number))
        polled(lis, select.POLLIN)
        fd = libc.accept4(lis.fileno(), None, None, flags)
        check(fd >= 0, f"accept4: {ctypes.get_errno()}")
        check_equal("blocking", os.get_blocking(fd),
                    not flags & socket.SOCK_NONBLOCK)
        check_equal("inheritable", os.get_inheritable(fd),
                    not flags & socket.SOCK_CLOEXEC)
        os.close(fd)
    check_equal("a flag that is none", libc.accept4(
        lis.fileno(), None, None, 1), -1)
    check_equal("its errno", ctypes.get_errno(), errno.EINVAL)


def inside_edge():
    """Edge-triggered epoll: once for each arrival."""
    client, server = connection()
    with select.epoll() as ep:
        ep.register(server, select.EPOLLIN | select.EPOLLET)
        for data in (b"one", b"two"):
            client.sendall(data)
            check_equal("epoll", ep.poll(HANG),
                        [(server.fileno(), select.EPOLLIN)])
            check_equal("again", ep.poll(0), [])
        check_equal("data", receive(server, 6), b"onetwo")


def lingering(seconds):
    """A connection whose client has data on the way and lingers."""
    client, server = connection()
    set_option(client, socket.SOL_SOCKET, socket.SO_LINGER,
               struct.pack("@ii", 1, seconds))
    sent = fill(client)
    return client, server, sent


def inside_linger():
    """close() waits until the peer has everything, or the time is over."""
    client, server, sent = lingering(HANG)
    copy = os.dup(client.fileno())
    start = time.monotonic()
    client.close()
    check(time.monotonic() - start < HANG / 2, "a copy was left")
    closed = threading.Event()
    t = thread(lambda: (os.close(copy), closed.set()))
    check(not closed.wait(0.2), "it did not wait")
    check_equal("bytes", len(receive_all(server)), sent)
    join(t)

    client, server, sent = lingering(1)
    start = time.monotonic()
    client.close()
    took = time.monotonic() - start
    check(0.9 < took < HANG / 2, f"it waited {took} s")
    check_equal("bytes", len(receive_all(server)), sent)

    # Not longer than it takes.
    client, server = connection()
    set_option(client, socket.SOL_SOCKET, socket.SO_LINGER,
               struct.pack("@ii", 1, HANG))
    client.sendall(b"all")
    start = time.monotonic()
    client.close()
    check(time.monotonic() - start < HANG / 2, "it waited for nothing")
    check_equal("data", receive_all(server), b"all")


def inside_refused():
    s = vsock()
    with fails("ECONNRESET"):
        s.connect((LOCAL, port()))


def inside_retry():
    """A socket whose connect was refused can be used again."""
    for blocking in (True, False):
        lis, number = listener()
        lis.close()
        s = vsock()
        with fails("ECONNRESET"):
            s.connect((LOCAL, number))
        lis = vsock()
        lis.bind((socket.VMADDR_CID_ANY, number))
        lis.listen(1)
        s.setblocking(blocking)
        result = s.connect_ex((LOCAL, number))
        check(result in (0, errno.EINPROGRESS), f"connect: {result}")
        check(polled(s, select.POLLOUT) & select.POLLOUT, "poll")
        check_equal("SO_ERROR", s.getsockopt(socket.SOL_SOCKET,
                                             socket.SO_ERROR), 0)
        s.setblocking(True)
        echo_once(s, lis.accept()[0])


def inside_no_route():
    s = vsock()
    with fails("EAFNOSUPPORT"):
        s.connect((99, port()))
    with fails("EAFNOSUPPORT"):
        s.connect((GUEST, port()))    # its machine is not there


def inside_bad_sockets():
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RDM, socket.SOCK_RAW):
        with fails("EPROTOTYPE", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT",
                   "ENODEV"):
            socket.socket(socket.AF_VSOCK, kind)
    with fails("EPROTONOSUPPORT"):
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM, 77)
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM, 40).close()
    with fails("EOPNOTSUPP"):
        socket.socketpair(socket.AF_VSOCK, socket.SOCK_STREAM)


def inside_bind_errors():
    a, b = vsock(), vsock()
    number = port()
    a.bind((socket.VMADDR_CID_ANY, number))
    with fails("EADDRINUSE"):
        b.bind((socket.VMADDR_CID_ANY, number))
    with fails("EADDRNOTAVAIL"):
        b.bind((77, number + 1))
    with fails("EINVAL"):
        a.bind((socket.VMADDR_CID_ANY, number + 1))
    a.close()
    b.bind((socket.VMADDR_CID_ANY, number))


def inside_unconnected():
    """Calls that need a connection."""
    lis, _ = listener()
    for s in (vsock(), lis):
        for call in (lambda: s.send(b"x"), lambda: s.recv(1),
                     lambda: os.write(s.fileno(), b"x"),
                     lambda: os.read(s.fileno(), 1),
                     lambda: s.sendmsg([b"x"]), lambda: s.recvmsg(1),
                     s.getpeername, lambda: s.shutdown(socket.SHUT_RDWR)):
            with fails("ENOTCONN"):
                call()
    with fails("EINVAL"):
        vsock().accept()
    with fails("EINVAL"):
        connection()[0].accept()


def inside_nonblocking_connect():
    lis, number = listener()
    s = vsock()
    s.setblocking(False)
    result = s.connect_ex((LOCAL, number))
    check(result in (0, errno.EINPROGRESS), f"connect: {result}")
    check_equal("poll", polled(s, select.POLLOUT), select.POLLOUT)
    check_equal("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
                0)
    check_equal("once more", s.connect_ex((LOCAL, number)), errno.EISCONN)
    s.setblocking(True)
    echo_once(s, lis.accept()[0])

    # With a timeout, the other way that programs do it.
    s = vsock()
    s.settimeout(HANG)
    s.connect((LOCAL, number))
    echo_once(s, lis.accept()[0])


def inside_nonblocking_refused():
    s = vsock()
    s.setblocking(False)
    result = s.connect_ex((LOCAL, port()))
    if result == errno.EINPROGRESS:
        check(polled(s, select.POLLOUT) & select.POLLOUT, "poll")
        result = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    check_equal("the error", result, errno.ECONNRESET)
    check_equal("afterwards", s.getsockopt(socket.SOL_SOCKET,
                                           socket.SO_ERROR), 0)


def inside_nonblocking_accept():
    lis, number = listener()
    lis.setblocking(False)
    with fails("EAGAIN"):
        lis.accept()
    check_equal("poll of a listener", polled(lis, select.POLLIN, 0), 0)
    clients = [vsock() for _ in range(3)]
    for c in clients:
        c.connect((LOCAL, number))
    for c in clients:
        check_equal("poll", polled(lis, select.POLLIN), select.POLLIN)
        s, _ = lis.accept()
        s.sendall(b"x")
    for c in clients:
        check_equal("data", c.recv(1), b"x")
    with fails("EAGAIN"):
        lis.accept()
    check_equal("poll at the end", polled(lis, select.POLLIN, 0), 0)


def inside_accept_when_ready():
    """A listener is readable exactly when accept gets something."""
    lis, number = listener(64)
    lis.setblocking(False)
    count = 200

    def connect():
        for _ in range(count):
            s = vsock()
            s.connect((LOCAL, number))
            s.close()
    t = thread(connect)
    for _ in range(count):
        check(polled(lis, select.POLLIN), "no connection")
        lis.accept()[0].close()
    join(t)


def inside_timeouts():
    lis, _ = listener()
    short = struct.pack("@ll", 0, 50000)
    set_option(lis, socket.SOL_SOCKET, socket.SO_RCVTIMEO, short)
    with fails("EAGAIN"):
        lis.accept()
    client, _server = connection()
    set_option(client, socket.SOL_SOCKET, socket.SO_RCVTIMEO, short)
    with fails("EAGAIN"):
        client.recv(1)


def inside_poll():
    """poll, select, epoll: of a new connection, data, and its end."""
    lis, number = listener()
    client = vsock()
    client.connect((LOCAL, number))
    check_equal("select of a listener",
                select.select([lis], [], [], HANG)[0], [lis])
    server, _ = lis.accept()
    check_equal("poll", polled(server, select.POLLIN | select.POLLOUT),
                select.POLLOUT)
    with select.epoll() as ep:
        ep.register(server, select.EPOLLIN | select.EPOLLRDHUP)
        check_equal("epoll of nothing", ep.poll(0), [])
        client.sendall(b"x")
        check_equal("epoll of data", ep.poll(HANG),
                    [(server.fileno(), select.EPOLLIN)])
        check_equal("data", server.recv(10), b"x")
        check_equal("epoll after it", ep.poll(0), [])
        client.shutdown(socket.SHUT_WR)
        events = ep.poll(HANG)
        check_equal("epoll of the end", events, [
            (server.fileno(), select.EPOLLIN | select.EPOLLRDHUP)])
        check_equal("the end", server.recv(10), b"")
        server.shutdown(socket.SHUT_WR)
        check(ep.poll(HANG)[0][1] & select.EPOLLHUP, "no EPOLLHUP")


def inside_dup():
    client, server = connection()
    copy = os.dup(client.fileno())
    client.close()
    os.write(copy, b"from the copy")
    check_equal("data", receive(server, 13), b"from the copy")
    check_equal("poll", polled(server, select.POLLIN, 0), 0)
    os.close(copy)
    check_equal("the end", server.recv(1), b"")


def inside_fork():
    client, server = connection()
    pid = os.fork()
    if pid == 0:
        try:
            client.close()
            server.sendall(receive(server, 5)[::-1])
            check(server.getpeername()[0] == LOCAL, "the peer")
        except BaseException:
            os._exit(1)
        os._exit(0)
    server.close()
    client.sendall(b"abcde")
    check_equal("what the child sends", receive(client, 5), b"edcba")
    check_equal("its end", client.recv(1), b"")
    check_equal("its status", os.waitpid(pid, 0)[1], 0)


def inside_exec():
    """A program that gets a socket which it did not make."""
    client, server = connection()
    program = ("import socket, sys\n"
               "s = socket.socket(fileno=int(sys.argv[1]))\n"
               "assert s.family == socket.AF_VSOCK, s.family\n"
               "assert s.getpeername()[0] == 1, s.getpeername()\n"
               "s.sendall(s.recv(10)[::-1])\n"
               "t = socket.socket(socket.AF_VSOCK)\n"
               "t.connect((1, int(sys.argv[2])))\n"
               "t.sendall(b'second')\n")
    lis, number = listener()
    child = subprocess.Popen([sys.executable, "-c", program,
                              str(server.fileno()), str(number)],
                             pass_fds=[server.fileno()])
    server.close()
    client.sendall(b"12345")
    check_equal("its answer", receive_all(client), b"54321")
    check_equal("its own", receive_all(lis.accept()[0]), b"second")
    check_equal("its status", child.wait(HANG), 0)


def inside_exec_listener():
    """A listener that another program goes on with."""
    lis, number = listener()
    waiting = vsock()
    waiting.connect((LOCAL, number))
    program = ("import socket, sys\n"
               "lis = socket.socket(fileno=int(sys.argv[1]))\n"
               "assert lis.getsockname()[1] == int(sys.argv[2])\n"
               "for _ in range(2):\n"
               "    s, _ = lis.accept()\n"
               "    s.sendall(s.recv(10)[::-1])\n"
               "    s.close()\n")
    child = subprocess.Popen([sys.executable, "-c", program,
                              str(lis.fileno()), str(number)],
                             pass_fds=[lis.fileno()])
    lis.close()
    late = vsock()
    late.connect((LOCAL, number))
    for s in (waiting, late):
        s.sendall(b"12345")
        check_equal("its answer", receive_all(s), b"54321")
    check_equal("its status", child.wait(HANG), 0)
    with fails("ECONNRESET"):
        vsock().connect((LOCAL, number))


def inside_pass():
    """Descriptors travel through Unix sockets."""
    a, b = socket.socketpair()
    client, server = connection()
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array("i", [server.fileno()]))])
    server.close()
    _, ancillary, _, _ = b.recvmsg(1, socket.CMSG_SPACE(4))
    fd = array.array("i")
    fd.frombytes(ancillary[0][2])
    passed = socket.socket(fileno=fd[0])
    echo_once(client, passed)


def inside_half_close():
    client, server = connection()
    client.sendall(b"question")
    client.shutdown(socket.SHUT_WR)
    check_equal("the question", receive_all(server), b"question")
    with fails("EPIPE"):
        client.send(b"x")
    server.sendall(b"answer")
    server.shutdown(socket.SHUT_WR)
    check_equal("the answer", receive_all(client), b"answer")
    client.close()
    server.close()


def inside_shutdown_read():
    client, server = connection()
    client.shutdown(socket.SHUT_RD)
    check_equal("reading then", client.recv(1), b"")
    client.sendall(b"still")
    check_equal("data", receive(server, 5), b"still")
    with fails("EPIPE"):
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            server.send(b"x")


def inside_close_with_data():
    """What was written before close arrives, and then the end."""
    client, server = connection()
    data = pattern(1 << 20)
    t = thread(lambda: (client.sendall(data), client.close()))
    got = receive_all(server)
    join(t)
    check(got == data, f"{len(got)} bytes, not {len(data)}")


def inside_close_unread():
    """An application that has not read everything closes: no reset."""
    for _ in range(20):
        client, server = connection()
        server.sendall(pattern(1000))
        polled(client, select.POLLIN)
        client.sendall(b"last words")
        client.close()
        check_equal("the last words", receive_all(server), b"last words")
        server.close()


def inside_epipe():
    client, server = connection()
    server.close()
    with fails("EPIPE", "ECONNRESET"):
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            client.send(b"x")


BUFFER = 256 * 1024     # of a socket
RECORDS = socket.SOCK_SEQPACKET


def inside_records():
    """Boundaries, whatever calls are used; the rest of a record is lost."""
    client, server = connection(RECORDS)
    check_equal("the type", client.getsockopt(socket.SOL_SOCKET,
                                              socket.SO_TYPE), RECORDS)
    sizes = 1, 2, 1000, 65535, 65536, 65537, 100000, BUFFER
    for a, b in (client, server), (server, client):
        for size in sizes:
            data = pattern(size)
            a.send(data)
            check(b.recv(BUFFER + 1) == data, f"a record of {size} bytes")
        for i in range(100):
            os.write(a.fileno(), pattern(i + 1))
        for i in range(100):
            check_equal("a record", os.read(b.fileno(), 1000), pattern(i + 1))
        a.sendmsg([b"one", b" ", b"record"])
        a.send(b"and one more")
        check_equal("the record", b.recvmsg(100)[0], b"one record")
        data, _, flags, _ = b.recvmsg(3)
        check_equal("a part of a record", data, b"and")
        check(flags & socket.MSG_TRUNC, "MSG_TRUNC is not set")
        a.send(b"0123456789")
        room = bytearray(4)
        check_equal("its length",
                    b.recv_into(room, 4, socket.MSG_PEEK | socket.MSG_TRUNC),
                    10)
        check_equal("the same record", b.recv(20, socket.MSG_WAITALL),
                    b"0123456789")
        b.setblocking(False)
        with fails("EAGAIN"):
            b.recv(1)
        b.setblocking(True)
        # An empty one is none.
        a.send(b"")
        a.send(b"")
        a.send(b"not empty")
        check_equal("the record", b.recv(20), b"not empty")
    client.send(b"")
    client.close()
    check_equal("the end", server.recv(10), b"")
    server.close()


def inside_records_mark():
    """MSG_EOR, with its record and no other; nothing else comes along."""
    client, server = connection(RECORDS)
    before = os.listdir("/proc/self/fd")
    for a, b in (client, server), (server, client):
        for i in range(30):
            data = pattern(i * 1000 + 1)
            mark = socket.MSG_EOR if i % 3 == 0 else 0
            if i % 2:
                a.send(data, mark)
            else:
                a.sendmsg([data], [], mark)
            got, extra, flags, _ = b.recvmsg(len(data) + 1, 100)
            check(got == data and not extra, "the record")
            check_equal("the flags", flags, mark)
        # Nor if it is received by other calls, or looked at first.
        for i in range(30):
            a.send(b"marked", socket.MSG_EOR)
            check_equal("flags", b.recvmsg(10, 0, socket.MSG_PEEK)[2],
                        socket.MSG_EOR)
            check_equal("the record", os.read(b.fileno(), 10), b"marked")
    check_equal("descriptors", len(os.listdir("/proc/self/fd")), len(before))


def set_size(s, size):
    for name in (socket.SO_VM_SOCKETS_BUFFER_MAX_SIZE,
                 socket.SO_VM_SOCKETS_BUFFER_SIZE):
        set_option(s, socket.AF_VSOCK, name, struct.pack("=Q", size))


def inside_records_too_large():
    """EMSGSIZE as soon as a record can't be sent, and not before."""
    client, server = connection(RECORDS)
    for s in client, server:
        for size in BUFFER + 1, 10 * BUFFER, 20 << 20:
            with fails("EMSGSIZE"):
                s.send(bytes(size))
    client.send(pattern(BUFFER))
    check(server.recv(BUFFER + 1) == pattern(BUFFER), "a full record")

    # As the buffers are, from the start or later, without waiting or not.
    for size in 10000, 1 << 20, 2 << 20:
        lis, number = listener(kind=RECORDS)
        set_size(lis, size)
        client = vsock(RECORDS)
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect((LOCAL, number))
        server, _ = lis.accept()
        polled(client, select.POLLOUT)
        client.setblocking(True)
        check_equal("the error", client.getsockopt(socket.SOL_SOCKET,
                                                   socket.SO_ERROR), 0)
        with fails("EMSGSIZE"):
            client.send(bytes(min(size, BUFFER) + 1))
        set_size(client, size)
        with fails("EMSGSIZE"):
            client.send(bytes(size + 1))
        t = thread(client.send, pattern(size))
        check(server.recv(size + 1) == pattern(size), f"{size} bytes")
        join(t)


def inside_records_end():
    """A half-closed connection, and one that is closed with records in it."""
    client, server = connection(RECORDS)
    for i in range(2000):
        client.send(b"abc")
        if i == 1000:
            t = thread(lambda: [check_equal("a record", server.recv(9), b"abc")
                                for _ in range(2000)])
    client.shutdown(socket.SHUT_WR)
    join(t)
    check_equal("the end", server.recv(10), b"")
    server.send(b"still")
    check_equal("a record", client.recv(10), b"still")
    with fails("EPIPE"):
        client.send(b"x")
    server.close()
    check_equal("the end", client.recv(10), b"")
    client.close()

    client, server = connection(RECORDS)
    t = thread(lambda: ([client.send(pattern(i + 1)) for i in range(3000)],
                        client.close()))
    for i in range(3000):
        check(server.recv(5000) == pattern(i + 1), "a record")
    check_equal("the end", server.recv(10), b"")
    join(t)


def inside_records_refused():
    """Types do not mix; a socket that was refused can be used again."""
    lis, number = listener(kind=RECORDS)
    with fails("ECONNRESET"):
        vsock().connect((LOCAL, number))
    client = vsock(RECORDS)
    with fails("ECONNRESET"):
        client.connect((LOCAL, listener()[1]))
    client.connect((LOCAL, number))
    server, _ = lis.accept()
    client.send(b"hello")
    check_equal("a record", server.recv(10), b"hello")
    with fails("ENOTCONN"):
        vsock(RECORDS).send(b"x")
    with fails("ENOTCONN"):
        vsock(RECORDS).recv(1)


def inside_early_close():
    """The client has gone before it is accepted; its data has not."""
    lis, number = listener()
    client = vsock()
    client.connect((LOCAL, number))
    client.sendall(b"early")
    client.close()
    server, _ = lis.accept()
    check_equal("its data", receive_all(server), b"early")


def transfer(source, sink, count):
    data = pattern(count)
    digest = hashlib.sha256()
    t = thread(lambda: (source.sendall(data),
                        source.shutdown(socket.SHUT_WR)))
    got = 0
    while True:
        more = sink.recv(1 << 17)
        if not more:
            break
        digest.update(more)
        got += len(more)
    join(t)
    check_equal("the count", got, count)
    check_equal("the hash", digest.hexdigest(),
                hashlib.sha256(data).hexdigest())


def inside_big():
    """Both directions at a time."""
    client, server = connection()
    t = thread(transfer, server, client, 8 << 20)
    transfer(client, server, 8 << 20)
    join(t)


def inside_back_pressure():
    """Little is held on the way, and nothing is lost."""
    client, server = connection()
    client.setblocking(False)
    data = pattern(16 << 20)
    sent = 0
    while sent < len(data):
        if not polled(client, select.POLLOUT, 0.5):
            break
        with contextlib.suppress(BlockingIOError):
            sent += client.send(data[sent:sent + 65536])
    check(sent < 2 << 20, f"{sent} bytes are on the way")
    check(receive(server, sent) == data[:sent], "data is not the same")
    check(polled(client, select.POLLOUT) & select.POLLOUT, "poll afterwards")
    client.send(b"more")
    check_equal("more", receive(server, 4), b"more")


def inside_backlog():
    lis, number = listener(2)
    clients = []
    while len(clients) < 50:
        s = vsock()
        try:
            s.connect((LOCAL, number))
        except ConnectionResetError:
            break
        clients.append(s)
    check(2 <= len(clients) < 50, f"{len(clients)} fit into a backlog of 2")
    for c in clients:
        echo_once(c, lis.accept()[0])
    s = vsock()
    s.connect((LOCAL, number))
    echo_once(s, lis.accept()[0])


def inside_parallel():
    """200 connections at once, each with its own data both ways."""
    lis, number = listener(256)
    count = 200

    def serve(s):
        with s:
            s.sendall(receive_all(s)[::-1])

    def accept():
        for _ in range(count):
            thread(serve, lis.accept()[0])
    acceptor = thread(accept)
    clients = []
    for i in range(count):
        s = vsock()
        s.connect((LOCAL, number))
        clients.append(s)
    for i, s in enumerate(clients):
        s.sendall(b"%d;" % i * 500)
        s.shutdown(socket.SHUT_WR)
    for i, s in enumerate(clients):
        check_equal(f"answer {i}", receive_all(s), (b"%d;" % i * 500)[::-1])
        s.close()
    join(acceptor)


def inside_shared_listener():
    """Processes that accept from one listener."""
    lis, number = listener(32)
    pids = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            while True:
                s, _ = lis.accept()
                s.sendall(b"%d" % os.getpid())
                s.close()
        pids.append(pid)
    try:
        for _ in range(30):
            c = vsock()
            c.connect((LOCAL, number))
            check(int(receive_all(c)) in pids, "who was that?")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def inside_interrupt():
    """A signal ends accept and connect."""
    class Alarm(Exception):
        pass

    def handler(signum, frame):
        raise Alarm
    signal.signal(signal.SIGALRM, handler)
    lis, _ = listener()
    client, _server = connection()
    for call in (lis.accept, lambda: client.recv(1)):
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            call()
            raise AssertionError("not interrupted")
        except Alarm:
            pass


def inside_no_vsockd():
    control = os.environ["VSOCK_CONTROL"]
    try:
        os.environ["VSOCK_CONTROL"] = control + ".none"
        with fails("EAFNOSUPPORT"):
            vsock()
        del os.environ["VSOCK_CONTROL"]
        with fails("EAFNOSUPPORT"):
            vsock()
    finally:
        os.environ["VSOCK_CONTROL"] = control


def inside_syscall():
    """libc's syscall() gives one of our sockets too."""
    if platform.machine() != "x86_64":
        return
    fd = libc.syscall(41, socket.AF_VSOCK, socket.SOCK_STREAM, 0)
    check(fd >= 0, f"errno {ctypes.get_errno()}")
    s = socket.socket(fileno=fd)
    with fails("ECONNRESET"):
        s.connect((LOCAL, port()))


def inside_raw_syscall():
    """The machine's own AF_VSOCK cannot be reached, not even like this."""
    with open("/proc/self/status", encoding="ascii") as f:
        status = dict(line.split(":", 1) for line in f)
    check_equal("Seccomp", status["Seccomp"].strip(), "2")
    check_equal("NoNewPrivs", status["NoNewPrivs"].strip(), "1")
    if platform.machine() != "x86_64":
        return
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE |
                     mmap.PROT_EXEC)
    # mov %rdi, %rax; mov %rsi, %rdi; mov %rdx, %rsi; mov %rcx, %rdx;
    # syscall; ret
    code.write(bytes.fromhex("4889f8 4889f7 4889d6 4889ca 0f05 c3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    raw = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 4)(address)
    check_equal("getpid", raw(39, 0, 0, 0), os.getpid())
    check_equal("io_uring_setup", raw(425, 1, 0, 0), -errno.ENOSYS)
    check_equal("a call of another ABI", raw(0x40000000 | 39, 0, 0, 0),
                -errno.ENOSYS)
    check_equal("the ioctl of /dev/vsock",
                raw(16, -1, socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID, 0),
                -errno.ENOTTY)
    check_equal("another ioctl", raw(16, -1, 0, 0), -errno.EBADF)
    check_equal("socketpair", raw(53, socket.AF_VSOCK, socket.SOCK_STREAM, 0),
                -errno.EAFNOSUPPORT)
    check_equal("socket", raw(41, socket.AF_VSOCK, socket.SOCK_STREAM, 0),
                -errno.EAFNOSUPPORT)


def inside_others():
    """Sockets and files that are none of ours work as ever."""
    a, b = socket.socketpair()
    a.sendall(b"x")
    check_equal("a Unix socket", b.recv(1), b"x")
    check_equal("its family", a.getsockopt(socket.SOL_SOCKET, 39),
                socket.AF_UNIX)
    a.close()
    check_equal("its end", b.recv(1), b"")
    lis = socket.socket(socket.AF_INET)
    lis.bind(("127.0.0.1", 0))
    lis.listen(1)
    c = socket.create_connection(lis.getsockname())
    s, address = lis.accept()
    check_equal("the address", address, c.getsockname())
    s.sendall(b"x")
    check_equal("data", c.recvfrom(10)[0], b"x")
    r, w = os.pipe()
    os.write(w, b"x")
    check_equal("a pipe", os.read(r, 10), b"x")
    with fails("EBADF"):
        os.read(9999, 1)


def inside_main(names):
    with open("/proc/self/maps", encoding="ascii") as maps:
        if "libvsockrun" not in maps.read():
            sys.exit("to be run by vsockrun only")
    tests = [(name[len("inside_"):], function)
             for name, function in globals().items()
             if name.startswith("inside_") and name != "inside_main"]
    passed, failed = run_tests(tests, names)
    print(f"inside {passed} {failed}", flush=True)


# From outside.

class Vsockd:
    """A vsockd with one guest."""

    def __init__(self, build, folder):
        self.build = build
        self.control = os.path.join(folder, "control")
        self.guest = os.path.join(folder, "guest")
        self.guest2 = os.path.join(folder, "guest2")
        self.log = os.path.join(folder, "log")

    def program(self, name):
        return os.path.join(self.build, "bin", name)

    def start(self, *args):
        with open(self.log, "w", encoding="ascii") as log:
            self.process = subprocess.Popen(
                [self.program("vsockd"), "--control", self.control, "--checks",
                 *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, text=True)
        line = self.process.stdout.readline()
        check(line == "vsockd: ready\n", f"{line!r}; {self.said()}")

    def start_guest(self):
        self.start("--guest", f"cid={GUEST},socket={self.guest}",
                   "--guest", f"cid={GUEST + 1},socket={self.guest2}")

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        status = self.process.wait(HANG)
        self.process.stdout.close()
        check(status == 0, f"status {status}: {self.said()}")

    def run(self, *command, **kwargs):
        return subprocess.run(
            [self.program("vsockrun"), "--control", self.control, *command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=HANG, check=False, **kwargs)

    def popen(self, *command):
        return subprocess.Popen(
            [self.program("vsockrun"), "--control", self.control, "--",
             *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)


class Outside:
    """The tests of a Vsockd from outside: its methods test_*."""

    def __init__(self, vsockd, folder):
        self.vsockd = vsockd
        self.folder = folder

    def test_usage(self):
        program = self.vsockd.program("vsockd")
        for args in ([], ["--control"], ["--nonsense"],
                     ["--control", "c", "extra"],
                     ["--control", "c", "--guest", "cid=3"],
                     ["--control", "c", "--guest", "socket=s"],
                     ["--control", "c", "--guest", "cid=x,socket=s"],
                     ["--control", "c", "--guest", "cid=2,socket=s"],
                     ["--control", "c", "--guest", "cid=4294967295,socket=s"],
                     ["--control", "c", "--guest", "cid=3,socket=s,x=y"],
                     ["--control", "c", "--guest", "cid=3,socket=s",
                      "--guest", "cid=3,socket=t"],
                     ["--control", "c", "--guest", "cid=3,socket=s",
                      "--guest", "cid=4,socket=s"]):
            result = subprocess.run([program, *args], text=True, timeout=HANG,
                                    stdout=subprocess.PIPE, check=False,
                                    stderr=subprocess.PIPE)
            check_equal(f"status of {args}", result.returncode, 2)
            check("usage" in result.stderr, f"no usage: {result.stderr}")
            check_equal("its output", result.stdout, "")

    def test_run_usage(self):
        program = self.vsockd.program("vsockrun")
        for args in ([], ["--control", self.vsockd.control],
                     ["--control", self.vsockd.control, "--kstat", "x"]):
            result = subprocess.run([program, *args], timeout=HANG, text=True,
                                    stderr=subprocess.PIPE, check=False)
            check_equal(f"status of {args}", result.returncode, 2)

    def test_run_status(self):
        for status in (0, 3):
            result = self.vsockd.run("--", "sh", "-c", f"exit {status}")
            check_equal("the status", result.returncode, status)
        result = self.vsockd.run("--", "no-such-command")
        check_equal("the status", result.returncode, 127)

    def test_static(self):
        source = os.path.join(self.folder, "static.c")
        program = os.path.join(self.folder, "static")
        script = os.path.join(self.folder, "script")
        with open(source, "w", encoding="ascii") as f:
            f.write("int main(void) { return (0); }\n")
        subprocess.run(["cc", "-static", "-o", program, source], check=True)
        with open(script, "w", encoding="ascii") as f:
            f.write(f"#!{program}\n")
        os.chmod(script, 0o755)
        for path in (program, script):
            result = self.vsockd.run("--", path)
            check_equal("the status", result.returncode, 126)
            check("static" in result.stderr, result.stderr)

    def test_kstat(self):
        result = self.vsockd.run("--kstat")
        check_equal("the status", result.returncode, 0)
        lines = result.stdout.splitlines()
        check(lines, "there are no statistics")
        for line in lines:
            key, value = line.rsplit(" ", 1)
            check(len(key.split(":")) == 4 and value.isdigit(), line)

    def test_bad_requests(self):
        """vsockd outlives whatever is sent to its control socket."""
        a, b = socket.socketpair()
        size = 4 + 4 + 12 + 4 + 256
        for data in [b"", b"x", bytes(size), b"\xff" * size,
                     bytes(size + 1)] + \
                [struct.pack("=IIiiiI", 1, op, *args, length) + bytes(256)
                 for op in range(0, 14) for length in (0, 256, 1 << 31)
                 for args in ((0, 0, 0), (-1, -1, -1), (40, 1 << 30, 7))]:
            for fds in ([], [a.fileno()], [a.fileno(), b.fileno()],
                        [0, 1, 2]):
                with socket.socket(socket.AF_UNIX,
                                   socket.SOCK_SEQPACKET) as s:
                    s.connect(self.vsockd.control)
                    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                        array.array("i", fds))] if fds else [])
                    s.settimeout(HANG)
                    s.recv(1000)
        b.close()
        a.settimeout(HANG)
        check_equal("its end", a.recv(1), b"")    # nobody has kept one

    def test_idle_memory(self):
        with open(f"/proc/{self.vsockd.process.pid}/status",
                  encoding="ascii") as f:
            status = dict(line.split(":", 1) for line in f)
        rss = int(status["VmRSS"].split()[0])
        with open(self.vsockd.program("vsockd"), "rb") as program:
            text = program.read()
        sanitized = b"__asan_" in text or b"__tsan_" in text
        check(sanitized or rss < 32 << 10, f"{rss} KiB")

    def test_nothing_left(self):
        """Programs have come and gone, and so have their sockets."""
        folder = f"/proc/{self.vsockd.process.pid}/fd"
        end = time.monotonic() + HANG
        while True:
            sockets = [line for line in
                       self.vsockd.run("--kstat").stdout.splitlines()
                       if line.startswith("vsock:0:vsock:sockets ")]
            fds = len(os.listdir(folder))
            if sockets == ["vsock:0:vsock:sockets 0"] and fds < 20:
                break
            check(time.monotonic() < end, f"{sockets}, {fds} descriptors")

    def test_second(self):
        """Another vsockd cannot take sockets that are in use."""
        for args in (["--control", self.vsockd.control],
                     ["--control", self.vsockd.control + "2", "--guest",
                      f"cid=9,socket={self.vsockd.guest}"]):
            result = subprocess.run(
                [self.vsockd.program("vsockd"), *args], timeout=HANG,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                check=False)
            check(result.returncode == 1 and "use" in result.stderr,
                  f"{result}")
            check_equal("its output", result.stdout, "")
        check_equal("the status", self.vsockd.run("--kstat").returncode, 0)

    # The vhost-user side.

    def frontend(self):
        return vhost_user.Frontend(self.vsockd.guest)

    def test_vu_handshake(self):
        with self.frontend() as f:
            features = f.get_features()
            check(features & 1 << 32, "no VIRTIO_F_VERSION_1")
            check(features & 1 << 30, "no protocol features")
            check_equal("the configuration", f.negotiate(),
                        struct.pack("<Q", GUEST))

    def test_vu_bad_messages(self):
        """Each costs the connection, and nothing else."""
        v = vhost_user
        state = struct.pack("<II", 0, 0)
        region = struct.pack("<QQQQ", 0, 4096, 0, 0)
        bad = [
            (99, b""), (0, b""), (0xffffffff, b""), (6, bytes(8)),
            (v.GET_FEATURES, b"x"), (v.SET_FEATURES, b""),
            (v.SET_FEATURES, bytes(16)),
            (v.SET_FEATURES, struct.pack("<Q", 1 << 60)),
            (v.SET_PROTOCOL_FEATURES, struct.pack("<Q", 1 << 63)),
            (v.SET_VRING_NUM, struct.pack("<II", 2, 16)),
            (v.SET_VRING_NUM, struct.pack("<II", 0, 0)),
            (v.SET_VRING_NUM, struct.pack("<II", 0, 17)),
            (v.SET_VRING_NUM, struct.pack("<II", 0, 65536)),
            (v.SET_VRING_NUM, struct.pack("<II", 0xffffffff, 16)),
            (v.SET_VRING_BASE, struct.pack("<II", 0, 65536)),
            (v.SET_VRING_ENABLE, struct.pack("<II", 0, 2)),
            (v.SET_VRING_ENABLE, struct.pack("<II", 7, 1)),
            (v.GET_VRING_BASE, struct.pack("<II", 9, 0)),
            (v.GET_VRING_BASE, b"1234"),
            (v.SET_VRING_ADDR, struct.pack("<IIQQQQ", 3, 0, 0, 0, 0, 0)),
            (v.SET_VRING_ADDR, struct.pack("<IIQQQQ", 0, 1, 0, 0, 0, 0)),
            (v.SET_VRING_KICK, struct.pack("<Q", 0)),
            (v.SET_VRING_KICK, struct.pack("<Q", 0x100)),
            (v.SET_VRING_CALL, struct.pack("<Q", 5)),
            (v.SET_VRING_CALL, struct.pack("<Q", 1 << 40)),
            (v.SET_MEM_TABLE, struct.pack("<II", 1, 0)),
            (v.SET_MEM_TABLE, struct.pack("<II", 1, 0) + region),
            (v.SET_MEM_TABLE, struct.pack("<II", 0xffffffff, 0) + region * 8),
            (v.SET_MEM_TABLE, struct.pack("<II", 9, 0) + region * 9),
            (v.GET_CONFIG, struct.pack("<III", 0, 8, 0)),
            (v.GET_CONFIG, struct.pack("<III", 0, 257, 0) + bytes(257)),
            (v.GET_QUEUE_NUM, state)]
        for request, payload in bad:
            with self.frontend() as f:
                f.negotiate()
                f.send(request, payload)
                check(f.closed(), f"request {request} with {payload} passed")
        for flags in (0, 2, 5, 0xf):
            with self.frontend() as f:
                f.send(v.GET_FEATURES, b"", flags=flags)
                check(f.closed(), f"flags {flags} passed")
        # Before anything was negotiated.
        for request, payload in ((v.GET_CONFIG, struct.pack("<III", 0, 8, 0) +
                                  bytes(8)), (v.GET_QUEUE_NUM, b""),
                                 (v.RESET_DEVICE, b"")):
            with self.frontend() as f:
                f.send(request, payload)
                check(f.closed(), f"request {request} passed")
        # Half a message, and the end.
        for data in (b"\x01", struct.pack("<III", 2, 1, 8) + b"1234"):
            with self.frontend() as f:
                f.sock.sendall(data)
        with self.frontend() as f:
            f.negotiate()

    def test_vu_bad_memory(self):
        v = vhost_user
        page = 4096
        good = (0, page, page, 0)
        tables = [
            [(1, page, 0, 0)], [(0, page + 1, 0, 0)], [(0, 0, 0, 0)],
            [(0, page, 1, 0)], [(0, page, 0, 1)],
            [(0, 64 * page, 0, 0)], [(0, page, 0, 16 * page)],
            [(2 ** 64 - page, 2 * page, 0, 0)],
            [(0, 2 * page, 2 ** 64 - page, 0)],
            [(0, page, 0, 2 ** 64 - page)], [(0, 2 ** 63, 0, 2 ** 63)],
            [good, good], [good, (page, page, page, 0)],
            [good, (0, page, 4 * page, 0)]]
        with v.Memory(16 * page) as memory:
            for table in tables:
                with self.frontend() as f:
                    f.negotiate()
                    f.set_mem_table(table, [memory.fd] * len(table))
                    check(f.closed(), f"{table} passed")
            r, w = os.pipe()
            with self.frontend() as f:
                f.negotiate()
                f.set_mem_table([good], [r])
                check(f.closed(), "a pipe is memory")
            with self.frontend() as f:
                f.negotiate()
                f.send(v.SET_VRING_KICK, struct.pack("<Q", 0), [r])
                check(f.closed(), "a pipe is an eventfd")
            os.close(r)
            os.close(w)

    def test_vu_random(self):
        """Messages with something wrong in them, from a fixed seed."""
        rng = random.Random(1)
        v = vhost_user
        sizes = {v.SET_FEATURES: 8, v.SET_MEM_TABLE: 72, v.SET_VRING_NUM: 8,
                 v.SET_VRING_ADDR: 40, v.SET_VRING_BASE: 8,
                 v.GET_VRING_BASE: 8, v.SET_VRING_KICK: 8,
                 v.SET_VRING_CALL: 8, v.SET_VRING_ENABLE: 8,
                 v.GET_CONFIG: 20, v.SET_PROTOCOL_FEATURES: 8,
                 v.RESET_DEVICE: 0, v.SET_OWNER: 0}
        words = [0, 1, 2, 8, 32, 255, 256, 4096, 65536, 1 << 30, 1 << 31,
                 0xffffffff]
        event = os.eventfd(0)
        with v.Memory(1 << 20) as memory:
            for _ in range(300):
                with self.frontend() as f:
                    f.sock.setblocking(False)
                    for _ in range(rng.randrange(1, 12)):
                        request = rng.choice(list(sizes))
                        count = sizes[request] // 4
                        if rng.randrange(20) == 0:
                            count = rng.randrange(70)
                        payload = b"".join(
                            struct.pack("<I", rng.choice(words))
                            for _ in range(count))
                        fds = rng.choice([[], [], [event], [memory.fd],
                                          [memory.fd] * 2, [event] * 8])
                        try:
                            f.send(request, payload, fds,
                                   rng.choice([1, 1, 1, 9, 0, 5]))
                        except BlockingIOError:
                            break
        os.close(event)
        with self.frontend() as f:
            f.negotiate()

    def test_vu_bad_rings(self):
        """Rings that are not where memory is."""
        for place in (dict(desc=1 << 40), dict(avail=vhost_user.Machine.SIZE),
                      dict(used=vhost_user.Machine.SIZE - 8), dict(desc=8),
                      dict(avail=0x10001), dict(used=0x20002)):
            with vhost_user.Machine(self.vsockd.guest) as m:
                m.features()
                m.set_memory()
                m.start_ring(1, **place)
                check(m.frontend.closed(), f"{place} passed")

    def server(self, program):
        """A program under vsockrun with a listener `lis' at a new port."""
        number = port()
        text = ("import os, socket, sys\n"
                "lis = socket.socket(socket.AF_VSOCK)\n"
                f"lis.bind(({socket.VMADDR_CID_ANY}, {number}))\n"
                "lis.listen(8)\n"
                "print('listens', flush=True)\n" + program)
        process = self.vsockd.popen(sys.executable, "-c", text)
        check_equal("its first line", process.stdout.readline(), "listens\n")
        return process, number

    def finish(self, process):
        process.stdin.close()
        output = process.stdout.read()
        process.stdout.close()
        check_equal("the program's status", process.wait(HANG), 0)
        return output

    def test_vu_echo(self):
        """A guest connects to a program of the host."""
        process, number = self.server(
            "s, a = lis.accept()\n"
            "print(a, flush=True)\n"
            "while data := s.recv(65536):\n"
            "    s.sendall(data)\n")
        with vhost_user.Machine(self.vsockd.guest) as m:
            m.start()
            c = m.connect(GUEST, 1234, number)
            check_equal("the address", process.stdout.readline(),
                        f"({GUEST}, 1234)\n")
            for data in (b"hello", pattern(10000), pattern(60000)):
                c.send(data)
                check(c.receive(len(data)) == data, "the echo differs")
            c.shutdown()
            c.expect_end()
        self.finish(process)

    def test_vu_connect(self):
        """A program of the host connects to the guest."""
        with vhost_user.Machine(self.vsockd.guest) as m:
            m.start()
            program = ("import socket\n"
                       "s = socket.socket(socket.AF_VSOCK)\n"
                       f"s.connect(({GUEST}, 99))\n"
                       f"assert s.getpeername() == ({GUEST}, 99)\n"
                       "s.sendall(b'hello')\n"
                       "print(s.recv(100).decode())\n")
            process = self.vsockd.popen(sys.executable, "-c", program)
            c = m.accept(GUEST, 99)
            check_equal("data", c.receive(5), b"hello")
            c.send(b"welcome")
            check_equal("its output", self.finish(process), "welcome\n")
            c.expect_end()

    def test_vu_reset(self):
        """The guest resets: data first, and then ECONNRESET."""
        program = ("s, a = lis.accept()\n"
                   "print('accepted', flush=True)\n"
                   "sys.stdin.readline()\n"
                   "assert READ == b'data', 'data'\n"
                   "try:\n"
                   "    READ\n"
                   "    raise SystemExit('no error')\n"
                   "except ConnectionResetError:\n"
                   "    pass\n"
                   "assert READ == b''\n"
                   "try:\n"
                   "    s.send(b'x')\n"
                   "    raise SystemExit('no error')\n"
                   "except BrokenPipeError:\n"
                   "    pass\n")
        for call in ("os.read(s.fileno(), 100)", "s.recv(100)",
                     "s.recvfrom(100)[0]", "s.recvmsg(100)[0]"):
            process, number = self.server(program.replace("READ", call))
            with vhost_user.Machine(self.vsockd.guest) as m:
                m.start()
                c = m.connect(GUEST, 1234, number)
                check_equal("the program", process.stdout.readline(),
                            "accepted\n")
                c.send(b"data")
                c.reset()
                process.stdin.write("\n")
                self.finish(process)

    def test_vu_disconnect(self):
        """The machine goes away: its connections are reset."""
        for _ in range(3):
            process, number = self.server(
                "s, a = lis.accept()\n"
                "print('accepted', flush=True)\n"
                "try:\n"
                "    s.recv(1)\n"
                "    raise SystemExit('no error')\n"
                "except ConnectionResetError:\n"
                "    pass\n")
            with vhost_user.Machine(self.vsockd.guest) as m:
                m.start()
                m.connect(GUEST, 1234, number)
                check_equal("the program", process.stdout.readline(),
                            "accepted\n")
            self.finish(process)

    def test_vu_pause(self):
        """Rings that stop and go on where they were: nothing is lost."""
        process, number = self.server(
            "s, a = lis.accept()\n"
            "while data := s.recv(65536):\n"
            "    s.sendall(data)\n")
        with vhost_user.Machine(self.vsockd.guest) as m:
            m.start()
            c = m.connect(GUEST, 1234, number)
            for _ in range(3):
                c.send(b"before")
                check_equal("the echo", c.receive(6), b"before")
                m.stop_rings()
                m.features()
                m.set_memory()
                m.start_rings()
                c.send(b"after")
                check_equal("the echo", c.receive(5), b"after")
            # Another memory table while they run.
            m.set_memory()
            c.send(b"again")
            check_equal("the echo", c.receive(5), b"again")
            c.shutdown()
            c.expect_end()
        self.finish(process)

    def test_vu_restart(self):
        """Rings that start anew: the driver has been reset."""
        for explicit in (False, True):
            process, number = self.server(
                "s, a = lis.accept()\n"
                "print('accepted', flush=True)\n"
                "try:\n"
                "    s.recv(1)\n"
                "    raise SystemExit('no error')\n"
                "except ConnectionResetError:\n"
                "    pass\n"
                "s, a = lis.accept()\n"
                "s.sendall(b'again')\n")
            with vhost_user.Machine(self.vsockd.guest) as m:
                m.start()
                m.connect(GUEST, 1234, number)
                check_equal("the program", process.stdout.readline(),
                            "accepted\n")
                if explicit:
                    m.frontend.request(vhost_user.RESET_DEVICE)
                else:
                    m.stop_rings()
                m.new_driver()
                m.features()
                m.start_rings()
                c = m.connect(GUEST, 1234, number)
                check_equal("data", c.receive(5), b"again")
            self.finish(process)

    def test_vu_shrunk_memory(self):
        """A peer that takes away the memory it has shared."""
        with vhost_user.Machine(self.vsockd.guest) as m:
            m.start()
            m.memory.truncate(0)
            m.kick(1)
            m.kick(0)
            with contextlib.suppress(OSError, AssertionError):
                m.stop_rings()
        self.test_vu_echo()

    def test_terminate(self):
        """SIGTERM in the middle of everything."""
        vsockd = Vsockd(self.vsockd.build, tempfile.mkdtemp(dir=self.folder))
        for sig in (signal.SIGTERM, signal.SIGINT):
            vsockd.start_guest()
            text = ("import socket\n"
                    "lis = socket.socket(socket.AF_VSOCK)\n"
                    f"lis.bind(({socket.VMADDR_CID_ANY}, 7000))\n"
                    "lis.listen(8)\n"
                    "c = [socket.socket(socket.AF_VSOCK) for _ in range(3)]\n"
                    "for s in c: s.connect((1, 7000))\n"
                    "a = lis.accept()[0]\n"
                    "c[0].setblocking(False)\n"
                    "try:\n"
                    "    while True: c[0].send(bytes(65536))\n"
                    "except BlockingIOError: pass\n"
                    "print('busy', flush=True)\n"
                    "try:\n"
                    "    while True: lis.accept()\n"
                    "except OSError: pass\n")
            process = vsockd.popen(sys.executable, "-c", text)
            with vhost_user.Machine(vsockd.guest) as m, \
                    vhost_user.Frontend(vsockd.guest2) as stuck:
                m.start()
                stuck.sock.sendall(b"half")
                check_equal("the program", process.stdout.readline(),
                            "busy\n")
                vsockd.stop(sig)
            process.stdin.close()
            process.stdout.close()
            process.wait(HANG)
            for path in (vsockd.control, vsockd.guest, vsockd.guest2):
                check(not os.path.exists(path), f"{path} was left")

    def test_stale(self):
        """Sockets that a killed vsockd has left are replaced."""
        vsockd = Vsockd(self.vsockd.build, tempfile.mkdtemp(dir=self.folder))
        vsockd.start_guest()
        vsockd.process.kill()
        vsockd.process.wait()
        vsockd.process.stdout.close()
        check(os.path.exists(vsockd.control), "nothing was left")
        vsockd.start_guest()
        vsockd.stop()
        with open(vsockd.control, "w", encoding="ascii"):
            pass
        result = subprocess.run(
            [vsockd.program("vsockd"), "--control", vsockd.control],
            timeout=HANG, stderr=subprocess.PIPE, text=True, check=False)
        check(result.returncode == 1, "a file was replaced")


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--inside":
        inside_main(sys.argv[2:])
        return
    if len(sys.argv) < 2:
        sys.exit("usage: vsockrun_test.py BUILD [NAME...]")
    build, names = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        vsockd = Vsockd(build, folder)
        vsockd.start_guest()
        result = subprocess.run(
            [vsockd.program("vsockrun"), "--control", vsockd.control, "--",
             sys.executable, HERE, "--inside", *names],
            stdout=subprocess.PIPE, text=True, check=False, timeout=600)
        lines = result.stdout.splitlines()
        passed = failed = 0
        for line in lines:
            if line.startswith("inside "):
                passed, failed = map(int, line.split()[1:])
            else:
                print(line)
        if not lines or not lines[-1].startswith("inside "):
            print(f"FAILED inside: ended with status {result.returncode}")
            failed += 1
        outside = Outside(vsockd, folder)
        tests = [(name[len("test_"):], getattr(outside, name))
                 for name in dir(outside) if name.startswith("test_")]
        more_passed, more_failed = run_tests(tests, names)
        if not names or "clean_exit" in names:
            one = run_tests([("clean_exit", vsockd.stop)], [])
            more_passed += one[0]
            more_failed += one[1]
        else:
            vsockd.stop()
        passed += more_passed
        failed += more_failed
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
