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

"""What vsockd needs when nothing happens."""

from harness import MIB, check, resident
from labs import LinuxGuest


def test_idle(lab):
    """vsockd with one idle guest: less than 32 MiB."""
    own = LinuxGuest()
    try:
        own.guest()
        size = resident(own.vsockd.popen.pid)
    finally:
        own.discard()
    print(f"   vsockd with one idle guest: {size / MIB:.1f} MiB")
    check(size < 32 * MIB, f"vsockd has {size} bytes")
