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

"""echo.py HOW PORT: an echo server in the ways in which servers are written.

An ordinary Python program with AF_VSOCK sockets, to be run by vsockrun, which
it knows nothing of but that it must not run without.  Says "listening", and
ends after as many connections as it was told to expect, two.
"""

import asyncio
import os
import select
import socket
import subprocess
import sys

CONNECTIONS = 2


def serve_blocking(listener):
    """One after the other."""
    for _ in range(CONNECTIONS):
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


def serve_events(listener, wait, watch, forget):
    """Never blocks: `wait' gives the fds that can be read or written.

    watch(fd, write) says what to wait for, again when that changes."""
    listener.setblocking(False)
    watch(listener.fileno(), False)
    connections, backlog, left = {}, {}, CONNECTIONS
    while left > 0:
        for fd in wait():
            if fd == listener.fileno():
                connection, _ = listener.accept()
                connection.setblocking(False)
                connections[connection.fileno()] = connection
                backlog[connection.fileno()] = b""
                watch(connection.fileno(), False)
                continue
            connection = connections[fd]
            if backlog[fd]:
                backlog[fd] = backlog[fd][connection.send(backlog[fd]):]
            else:
                data = connection.recv(65536)
                if not data:
                    forget(fd)
                    connections.pop(fd).close()
                    left -= 1
                    continue
                try:
                    backlog[fd] = data[connection.send(data):]
                except BlockingIOError:
                    backlog[fd] = data
            watch(fd, bool(backlog[fd]))


def serve_select(listener):
    reads, writes = set(), set()

    def watch(fd, write):
        forget(fd)
        (writes if write else reads).add(fd)

    def forget(fd):
        reads.discard(fd)
        writes.discard(fd)

    def wait():
        can_read, can_write, _ = select.select(reads, writes, [])
        return can_read + can_write
    serve_events(listener, wait, watch, forget)


def serve_poll(listener):
    poll = select.poll()
    serve_events(
        listener, lambda: [fd for fd, _ in poll.poll()],
        lambda fd, write: poll.register(
            fd, select.POLLOUT if write else select.POLLIN),
        poll.unregister)


def serve_epoll(listener):
    epoll = select.epoll()

    def watch(fd, write):
        events = select.EPOLLOUT if write else select.EPOLLIN
        try:
            epoll.register(fd, events)
        except FileExistsError:
            epoll.modify(fd, events)
    serve_events(listener, lambda: [fd for fd, _ in epoll.poll()], watch,
                 epoll.unregister)


def serve_asyncio(listener):
    async def main():
        left = asyncio.Semaphore(0)

        async def handle(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            left.release()
        listener.setblocking(False)
        server = await asyncio.start_server(handle, sock=listener)
        for _ in range(CONNECTIONS):
            await left.acquire()
        server.close()
    asyncio.run(main())


def serve_fork(listener):
    """A child for each connection."""
    for _ in range(CONNECTIONS):
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            while data := connection.recv(65536):
                connection.sendall(data)
            os._exit(0)
        connection.close()
    for _ in range(CONNECTIONS):
        if os.wait()[1] != 0:
            sys.exit("a child failed")


def serve_inetd(listener):
    """A program for each connection, its standard input and output."""
    children = []
    for _ in range(CONNECTIONS):
        connection, _ = listener.accept()
        children.append(subprocess.Popen(["cat"], stdin=connection,
                                         stdout=connection))
        connection.close()
    for child in children:
        if child.wait() != 0:
            sys.exit("a child failed")


def serve_dup(listener):
    """By duplicates of the socket; the original is closed before."""
    for _ in range(CONNECTIONS):
        connection, _ = listener.accept()
        reader = os.dup(connection.fileno())
        writer = os.dup(reader)
        connection.close()
        while data := os.read(reader, 65536):
            while data:
                data = data[os.write(writer, data):]
        os.close(reader)
        os.close(writer)


def main():
    with open("/proc/self/maps") as maps:
        if "vsockrun" not in maps.read():
            sys.exit("to be run by vsockrun only")
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as listener:
        listener.bind((socket.VMADDR_CID_ANY, int(sys.argv[2])))
        listener.listen()
        print("listening", flush=True)
        globals()["serve_" + sys.argv[1]](listener)


main()
