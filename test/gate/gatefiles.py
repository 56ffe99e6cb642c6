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

"""A gate for tests: of each file that is changed, the few lines that matter."""

import os

FILES = {}


def _add(path, text):
    FILES['usr/src/' + path] = text


_add('uts/common/sys/socket.h', '''\
#define\tAF_UNSPEC\t0
#define\tAF_UNIX\t\t1
#define\tAF_INET\t\t2
#define\tAF_TRILL\t31\t\t/* TRILL */
#define\tAF_PACKET\t32\t\t/* packets */

#define\tAF_MAX\t\t32

#define\tPF_TRILL\tAF_TRILL
#define\tPF_PACKET\tAF_PACKET

#define\tPF_MAX\t\tAF_MAX
''')
_add('cmd/truss/systable.c', '''\
#include "socket.h"
#define MAX_AFCODES (AF_MAX+1)
const char * const afcodes[] = {
''' + ''.join(f'\t"{i}",\t\t/* {i} */\n' for i in range(31)) + '''\
\t"TRILL",\t/* 31 */
\t"PACKET"\t/* 32 */
};
#if MAX_AFCODES != 33
#error Need to update address-family table
#endif
_Static_assert(sizeof (afcodes) / sizeof (afcodes[0]) == MAX_AFCODES, "");
''')
_add('cmd/truss/expound.c', '''\
#include <netinet/in.h>
#include <sys/un.h>
void
show_sockaddr(void)
{
\tstruct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)buf;

\tswitch (sa->sa_family) {
\tcase AF_INET:
\t\tbreak;
\tcase AF_UNIX:
\t\tbreak;
\t}
}
''')
_add('cmd/ptools/pfiles/pfiles.c', '''\
#include <sys/un.h>
#include <netinet/in.h>
static void
show_sockaddr(void)
{
\tstruct sockaddr_un *so_un = (struct sockaddr_un *)sa;

\tswitch (sa->sa_family) {
\tcase AF_IMPLINK:\tp = "AF_IMPLINK";\tbreak;
\t}
}
''')
_add('cmd/mdb/common/modules/genunix/net.c', '''\
\t\telse if (strcmp("unix", optf) == 0)
\t\t\tfamily = AF_UNIX;
\t\telse
\t\t\tfamily = mdb_strtoull(optf);
\tcase AF_INET6:
\t\tmdb_printf("inet6 ");
\t\tbreak;
''')
_add('cmd/mdb/common/modules/genunix/vfs.c', '''\
struct sock_print {
\tint\tfamily;
} sock_prints[] = {
\t{ 24,\t4,\t0,\ttcpip_sock_print },\t/* rts */
};
''')
_add('uts/common/Makefile.files', '''\
SDP_OBJS +=\tsdpddi.o

TRILL_OBJS +=   trill.o

# Virtio 9P transport driver
VIO9P_OBJS = vio9p.o

STREAM_TEST_OBJS += stream_test.o
''')
_RULE = ('$(OBJS_DIR)/%.o:\t\t$(UTSBASE)/{}/%.c\n'
         '\t$(COMPILE.c) -o $@ $<\n\t$(CTFCONVERT_O)\n\n')
_add('uts/common/Makefile.rules', _RULE.format('common/io/vioscsi') +
     _RULE.format('common/io/vio9p') + _RULE.format('common/io/other'))
_add('uts/intel/Makefile.files', '''\
VIONA_OBJS = \\
\tviona_main.o \\
\tviona_hook.o

PPT_OBJS = ppt.o
''')
_add('uts/intel/Makefile.rules', _RULE.format('intel/io/viona') +
     _RULE.format('intel/io/vmm'))
_add('uts/intel/Makefile.intel', '''\
DRV_KMODS\t+= ural
DRV_KMODS\t+= vgatext
DRV_KMODS\t+= vio9p
DRV_KMODS\t+= viona
MISC_KMODS\t+= stream_test
''')
_add('cmd/devfsadm/misc_link.c', '''\
\t{ "pseudo", "ddi_pseudo",
\t    "(^ip$)|(^tcp$)|"
\t    "(^rds$)|(^sdp$)|(^bpf$)",
\t    TYPE_EXACT | DRV_RE, ILEVEL_1, minor_name
\t},
''')
_add('cmd/devfsadm/i386/misc_link_i386.c', '''\
\t{ "pseudo", "ddi_pseudo", "vmm",
\t    TYPE_EXACT | DRV_EXACT, ILEVEL_0, vmmctl,
\t},
\t{ "pseudo", "^vmmctl$", RM_ALWAYS | RM_PRE | RM_HOT,
\t\tILEVEL_0, devfsadm_rm_all
\t},
''')
_add('lib/Makefile', '''\
SUBDIRS +=\t\\
\tlibvscan\t\\
\tlibw\t\t\\
\tlibzfs

HDRSUBDIRS=\t\\
\tlibvscan\t\\
\tlibwrap\t\\
\tlibzfs

libvscan:\tlibscf libsecdb
''')
_add('lib/librename/common/mapfile-vers', '''\
#
# MAPFILE HEADER START
#
# What all of them say.
#
# MAPFILE HEADER END
#

$mapfile_version 2
''')
_add('cmd/Makefile', '''\
COMMON_SUBDIRS=\t\\
\tvscan\t\t\\
\tvt\t\t\\
\tw

MSGSUBDIRS=\t\\
\tvscan\t\t\\
\tw
''')
_add('man/man8/Makefile', '''\
MANFILES=\tvscand.8\t\t\\
\t\twall.8\t\t\t\\
\t\twhodo.8
''')
for _brand in ('ipkg', 'labeled', 'sn1'):
    _add(f'lib/brand/{_brand}/zone/platform.xml', f'''\
<?xml version="1.0"?>
<platform name="{_brand}">
\t<device match="udp" />
\t<device match="urandom" />
\t<device match="zero" />
</platform>
''')
_add('uts/common/os/priv_defs', '''\
privilege PRIV_NET_PRIVADDR

\t"udp/tcp_extra_priv_ports" with the exception of the ports
\treserved for use by NFS.

privilege PRIV_NET_RAWACCESS
''')
_add('man/man7/privileges.7', '''\
marked as "\\fBudp/tcp_extra_priv_ports\\fR" with the exception of the ports
reserved for use by NFS and SMB.
.RE
''')
_add('cmd/cmd-inet/etc/sock2path.d/Makefile', '''\
SOCK2PATHFILES= \\
    driver%2Fnetwork%2Fsdp \\
    system%2Fkernel
''')
_add('uts/common/net/Makefile', '''\
HDRS=\taf.h if.h \\
\twpa.h simnet.h bridge.h bridge_impl.h trill.h
''')
_add('uts/common/dtrace/sdt_subr.c', '''\
sdt_provider_t sdt_providers[] = {
\t{ "udp", "__udp_", &stab_attr },
\t{ "sdt", NULL, &sdt_attr },
};
sdt_argdesc_t sdt_args[] = {
\t{ "mib", NULL, 0, 0, "int" },

\t{ "fsinfo", NULL, 0, 0, "vnode_t *", "fileinfo_t *" },
};
''')
_add('lib/libdtrace/Makefile.com', '''\
DLIBSRCS += \\
\tudp.d \\
\tunistd.d

include ../../Makefile.lib
''')
_add('pkg/manifests/developer-dtrace.p5m', '''\
file path=usr/lib/dtrace/udp.d mode=0444
file path=usr/lib/dtrace/unistd.d mode=0444
''')
_add('pkg/manifests/driver-ktest.p5m', '''\
file path=usr/kernel/misc/ktest/$(ARCH64)/stream_test group=sys mode=0755
''')
_add('pkg/manifests/system-test-ostest.p5m', '''\
file path=opt/os-tests/tests/writev.32 mode=0555
''')
_add('test/os-tests/tests/Makefile', '''\
SUBDIRS =       \\
\t\tuccid \\
\t\tvfs \\
\t\t$(SUBDIRS_$(MACH))
''')
_add('test/os-tests/runfiles/default.run', '''\
[/opt/os-tests/tests/sockfs]
tests = ['conn']

[/opt/os-tests/tests/syscall]
tests = ['open.32']
''')
_add('man/man3head/Makefile', '''\
\t\tvalues.h.3head\t\t\\
\t\twait.h.3head\t\t\\
\t\twchar.h.3head
''')
_add('man/man4d/Makefile', '''\
\t\tvio9p.4d\t\\
\t\twpi.4d\t\t\\
\t\tzyd.4d
''')
_add('man/man4p/Makefile', '''\
\t \tudp.4p\t\t\\
\t\tvxlan.4p
''')
_add('man/man9/Makefile', '''\
MANFILES=\tIntro.9 \\
\t\tvmem.9

MANLINKS=\tintro.9
''')

# What only a gate of 2026 or later has.
MODERN = {
    'usr/src/uts/common/io/virtio/virtio.h':
        'boolean_t virtio_init_features(virtio_t *, uint64_t, boolean_t);\n',
    'usr/src/cmd/bhyve/common/virtio.h':
        'bool\tvi_intr_init(struct virtio_softc *vs, bool use_msix);\n',
    'usr/src/cmd/bhyve/Makefile.com': '''\
COMMON_OBJS = \\
\tpci_virtio_viona.o\t\\
\tpci_xhci.o
''',
    'usr/src/man/man8/bhyve.8': '''\
.It Cm virtio-rnd
Virtio random number generator interface.
.It Cm virtio-console
''',
    'usr/src/man/man5/bhyve_config.5': '''\
.It Li virtio-rnd
VirtIO random number generator interface.
.It Li xhci
.El
.Ss Other Network Backend Settings
''',
}


def make(top, modern=True):
    """Write the gate into a folder."""
    for path, text in {**FILES, **(MODERN if modern else {})}.items():
        path = os.path.join(top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
