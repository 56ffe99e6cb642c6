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

LIBRARY =	libvsock.a
VERS =		.1
OBJECTS =	\
		platform_illumos.o \
		vsock_addr.o \
		vsock_list.o \
		vsock_prop.o \
		vsock_snoop.o

include		../../Makefile.lib

SRCDIR =	../common
LIBS =		$(DYNLIB)
LDLIBS +=	-lkstat -lc
CSTD =		$(CSTD_GNU99)
CPPFLAGS +=	-I$(SRCDIR) -I$(SRC)/uts/common

.KEEP_STATE:

all:		$(LIBS)

include		../../Makefile.targ
