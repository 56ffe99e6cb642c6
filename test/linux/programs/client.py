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

"""client.py HOW CID PORT: sends its input to an echo server, prints the echo.

To be run by vsockrun: see echo.py.
"""

import asyncio
import select
import socket
import sys
import threading


def run_blocking(address, data):
    """A thread sends, this one receives."""
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
        s.connect(address)

        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        while echo := s.recv(65536):
            sys.stdout.buffer.write(echo)
        sender.join()


def run_poll(address, data):
    """connect and all else without blocking."""
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
        s.setblocking(False)
        poll = select.poll()
        error = s.connect_ex(address)
        if error != 0:
            poll.register(s, select.POLLOUT)
            poll.poll()
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error != 0:
            sys.exit(f"connect: errno {error}")
        waiting_for = select.POLLIN | select.POLLOUT
        while waiting_for:
            poll.register(s, waiting_for)
            events = poll.poll()[0][1]
            if events & select.POLLOUT:
                data = data[s.send(data[:65536]):]
                if not data:
                    s.shutdown(socket.SHUT_WR)
                    waiting_for &= ~select.POLLOUT
            if events & select.POLLIN:
                echo = s.recv(65536)
                sys.stdout.buffer.write(echo)
                if not echo:
                    waiting_for &= ~select.POLLIN


def run_asyncio(address, data):
    async def main():
        s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        s.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(s, address)
        reader, writer = await asyncio.open_connection(sock=s)

        async def send():
            writer.write(data)
            await writer.drain()
            writer.write_eof()
        sender = asyncio.create_task(send())
        while echo := await reader.read(65536):
            sys.stdout.buffer.write(echo)
        await sender
        writer.close()
        await writer.wait_closed()
    asyncio.run(main())


def main():
    with open("/proc/self/maps") as maps:
        if "vsockrun" not in maps.read():
            sys.exit("to be run by vsockrun only")
    globals()["run_" + sys.argv[1]](
        (int(sys.argv[2]), int(sys.argv[3])), sys.stdin.buffer.read())


main()
