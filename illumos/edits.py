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

"""What has to change in files that a gate has.

edits() lists the changes, in the order in which README.md explains them.  A
change names a file below usr/src, an anchor (a regular expression that must
match in exactly one line of it), and a text:

    after(file, anchor, text)   the text is inserted after that line,
    before(file, anchor, text)  or before it,
    replace(file, anchor, text) or takes the place of what the anchor matches,
                                which may be several lines

It has been made when the text is in the file.  `old' is a regular expression
for what the text may have been when the change was made earlier, from other
sources; it is brought up to date then.  `where' says which gates are changed:

    'viosock'   those whose virtio framework knows modern devices
    'bhyve'     those whose bhyve does
"""

import collections
import re

Edit = collections.namedtuple('Edit', 'kind file anchor text old where')

AF_NUMBER = 34


def after(file, anchor, text, old=None, where=None):
    return Edit('after', file, anchor, text, old, where)


def before(file, anchor, text, old=None, where=None):
    return Edit('before', file, anchor, text, old, where)


def replace(file, anchor, text, where=None):
    return Edit('replace', file, anchor, text, None, where)


def family():
    """The number of the family, and what prints families."""
    header = 'uts/common/sys/socket.h'
    systable = 'cmd/truss/systable.c'
    expound = 'cmd/truss/expound.c'
    pfiles = 'cmd/ptools/pfiles/pfiles.c'
    net = 'cmd/mdb/common/modules/genunix/net.c'
    vfs = 'cmd/mdb/common/modules/genunix/vfs.c'
    return [
        after(header, r'^#define\tAF_PACKET\t',
              f'/* {AF_NUMBER - 1} is AF_LX_NETLINK in other gates */\n'
              f'#define\tAF_VSOCK\t{AF_NUMBER}\t\t'
              '/* hypervisor and guests */\n'),
        replace(header, r'^#define\tAF_MAX\t\t3[23]$',
                f'#define\tAF_MAX\t\t{AF_NUMBER}'),
        after(header, r'^#define\tPF_PACKET\t',
              '#define\tPF_VSOCK\tAF_VSOCK\n'),

        replace(systable, r'"PACKET"\t/\* 32 \*/\n',
                '"PACKET",\t/* 32 */\n'
                '\t"33",\t\t/* 33 */\n'
                '\t"VSOCK"\t\t/* 34 */\n'),
        replace(systable, r'^#if MAX_AFCODES != 3[34]$',
                f'#if MAX_AFCODES != {AF_NUMBER + 1}'),
        after(expound, r'^#include <netinet/in\.h>$',
              '#include <net/vsock.h>\n'),
        after(expound, r'^\tstruct sockaddr_in6 \*sin6 = ',
              '\tstruct sockaddr_vm *svm = (struct sockaddr_vm *)buf;\n'),
        before(expound, r'^\tcase AF_UNIX:$',
               '\tcase AF_VSOCK:\n'
               '\t\tif (len < (long)sizeof (*svm))\n'
               '\t\t\tbreak;\n'
               '\t\t(void) printf("%s\\tAF_VSOCK  %s = %u  port = %u\\n",\n'
               '\t\t    pri->pname, str, svm->svm_cid, svm->svm_port);\n'
               '\t\tbreak;\n'),

        after(pfiles, r'^#include <netinet/in\.h>$',
              '#include <net/vsock.h>\n'),
        after(pfiles, r'^\tstruct sockaddr_un \*so_un = ',
              '\tstruct sockaddr_vm *so_vm = '
              '(struct sockaddr_vm *)(void *)sa;\n'),
        before(pfiles, r'^\tcase AF_IMPLINK:',
               '\tcase AF_VSOCK:\n'
               '\t\tif (len >= sizeof (*so_vm)) {\n'
               '\t\t\t(void) printf("\\t%s: AF_VSOCK %u  port: %u\\n",\n'
               '\t\t\t    str, so_vm->svm_cid, so_vm->svm_port);\n'
               '\t\t}\n'
               '\t\treturn;\n'),

        after(net, r'^\t\t\tfamily = AF_UNIX;$',
              '\t\telse if (strcmp("vsock", optf) == 0)\n'
              '\t\t\tfamily = AF_VSOCK;\n'),
        after(net, r'^\t\tmdb_printf\("inet6 "\);$',
              '\t\tbreak;\n'
              '\tcase AF_VSOCK:\n'
              '\t\tmdb_printf("vsock ");\n'),
        before(vfs, r'^struct sock_print \{$',
               '/* What we read of a vsock_conn_t. */\n'
               'typedef struct mdb_vsock_tuple {\n'
               '\tuint32_t\tvt_lcid;\n'
               '\tuint32_t\tvt_lport;\n'
               '\tuint32_t\tvt_rcid;\n'
               '\tuint32_t\tvt_rport;\n'
               '} mdb_vsock_tuple_t;\n'
               '\n'
               'typedef struct mdb_vsock_conn {\n'
               '\tuint32_t\tvc_bound_cid;\n'
               '\tuint32_t\tvc_bound_port;\n'
               '\tmdb_vsock_tuple_t vc_tuple;\n'
               '} mdb_vsock_conn_t;\n'
               '\n'
               'static int\n'
               'vsock_sock_print(struct sonode *socknode)\n'
               '{\n'
               '\tmdb_vsock_conn_t vc;\n'
               '\n'
               '\tif (mdb_ctf_vread(&vc, "vsock_conn_t", "mdb_vsock_conn_t",\n'
               '\t    (uintptr_t)socknode->so_proto_handle, 0) == -1)\n'
               '\t\treturn (-1);\n'
               '\n'
               '\tmdb_printf("socket: AF_VSOCK %u %u ", vc.vc_bound_cid,\n'
               '\t    vc.vc_bound_port);\n'
               '\tif ((socknode->so_state & SS_ISCONNECTED) != 0) {\n'
               '\t\tmdb_printf("remote: AF_VSOCK %u %u ",\n'
               '\t\t    vc.vc_tuple.vt_rcid, vc.vc_tuple.vt_rport);\n'
               '\t}\n'
               '\treturn (0);\n'
               '}\n'
               '\n'),
        before(vfs, r'^\t\{ 24,\t4,\t0,\ttcpip_sock_print \},',
               '\t{ 34,\t2,\t0,\tvsock_sock_print },\t/* AF_VSOCK	*/\n'
               '\t{ 34,\t6,\t0,\tvsock_sock_print },\t/* AF_VSOCK	*/\n'),
    ]


def objects(module, sources):
    """The list of a module's objects."""
    line = f'{module.upper()}_OBJS ='
    lines = []
    for name in sorted(sources):
        name = name[:-2] + '.o'
        if len(line) + len(name) > 70:
            lines.append(line + ' \\\n')
            line = '\t' + name
        else:
            line += ' ' + name
    return ''.join(lines) + line + '\n'


def rule(directory):
    """How what is in a folder is compiled."""
    return (f'$(OBJS_DIR)/%.o:\t\t$(UTSBASE)/{directory}/%.c\n'
            '\t$(COMPILE.c) -o $@ $<\n'
            '\t$(CTFCONVERT_O)\n\n')


def modules(sources):
    """Makefiles of the kernel; sources: module -> names of its C files."""

    def objs(file, anchor, module, title, where=None):
        """After a line, and a blank line."""
        head = f'\n#\n# {title}\n#\n'
        old = (re.escape(head + module.upper()) +
               r'_OBJS =(?:.*\\\n)*.*\n')
        return after(file, anchor, head + objects(module, sources[module]),
                     old, where)

    common = 'uts/common/Makefile.files'
    common_rules = 'uts/common/Makefile.rules'
    intel = 'uts/intel/Makefile.files'
    intel_rules = 'uts/intel/Makefile.rules'
    kmods = 'uts/intel/Makefile.intel'
    rule_of = (r'^\$\(OBJS_DIR\)/%\.o:\s+\$\(UTSBASE\)/'
               r'{}/%\.c$').format
    return [
        objs(common, r'^TRILL_OBJS \+=', 'vsock', 'AF_VSOCK'),
        objs(common, r'^VIO9P_OBJS = ', 'viosock', 'Virtio socket driver',
             'viosock'),
        after(common, r'^STREAM_TEST_OBJS \+=',
              'VSOCK_TEST_OBJS += vsock_test.o\n'),
        before(common_rules, rule_of('common/io/vio9p'),
               rule('common/io/viosock'), where='viosock'),
        before(common_rules, rule_of('common/io/vio9p'),
               rule('common/io/vsock')),
        objs(intel, r'^PPT_OBJS = ', 'vsockhv',
             'Virtio sockets for the guests of bhyve'),
        before(intel_rules, rule_of('intel/io/vmm'),
               rule('intel/io/vsockhv')),
        after(kmods, r'^DRV_KMODS\t\+= vio9p$',
              '\n# Virtio socket driver\nDRV_KMODS\t+= viosock\n',
              where='viosock'),
        after(kmods, r'^DRV_KMODS\t\+= vgatext$',
              'DRV_KMODS\t+= vsock\n'),
        after(kmods, r'^DRV_KMODS\t\+= viona$',
              '\n#\n#\tVirtio sockets (for bhyve)\n#\n'
              'DRV_KMODS\t+= vsockhv\n'),
        after(kmods, r'^MISC_KMODS\t\+= stream_test$',
              'MISC_KMODS\t+= vsock_test\n'),
    ]


def system():
    """Nodes, zones, privileges, sock2path, the header."""
    links = 'cmd/devfsadm/misc_link.c'
    links_x86 = 'cmd/devfsadm/i386/misc_link_i386.c'
    edits = [
        replace(links, r'\|\(\^bpf\$\)",$', '|(^bpf$)|(^vsock$)",'),
        before(links_x86, r'^\t\{ "pseudo", "ddi_pseudo", "vmm",$',
               '\t{ "pseudo", "ddi_pseudo", "vsockhv",\n'
               '\t    TYPE_EXACT | DRV_EXACT, ILEVEL_0, ln_minor_name,\n'
               '\t},\n'),
        before(links_x86, r'^\t\{ "pseudo", "\^vmmctl\$", ',
               '\t{ "pseudo", "^vsockhv$", RM_ALWAYS | RM_PRE | RM_HOT,\n'
               '\t\tILEVEL_0, devfsadm_rm_all\n'
               '\t},\n'),
    ]
    for brand in ('ipkg', 'labeled', 'sn1'):
        edits.append(after(f'lib/brand/{brand}/zone/platform.xml',
                           r'^\t<device match="urandom" />$',
                           '\t<device match="vsock" />\n'))
    edits += [
        replace('uts/common/os/priv_defs',
                r'"udp/tcp_extra_priv_ports" with the exception of the ports\n'
                r'\treserved for use by NFS\.\n',
                '"udp/tcp_extra_priv_ports" with the exception of the ports\n'
                '\treserved for use by NFS.  The ports of AF_VSOCK sockets '
                'below\n\t1024, and those marked as "extra-priv-ports" of '
                'vsock, are\n\tprivileged as well.\n'),
        replace('man/man7/privileges.7',
                r'with the exception of the ports\n'
                r'reserved for use by NFS and SMB\.\n',
                'with the exception of the ports\n'
                'reserved for use by NFS and SMB. The ports of '
                '\\fBAF_VSOCK\\fR sockets below 1024,\n'
                'and those marked as "\\fBextra-priv-ports\\fR" of '
                '\\fBvsock\\fR(4P), are privileged as\nwell.\n'),
        after('cmd/cmd-inet/etc/sock2path.d/Makefile',
              r'^    driver%2Fnetwork%2Fsdp \\$',
              '    system%2Fnetwork%2Fvsock \\\n'),
        replace('uts/common/net/Makefile', r'bridge_impl\.h trill\.h$',
                'bridge_impl.h trill.h vsock.h'),
    ]
    return edits


def administration():
    """libvsock and vsockadm."""
    return [
        replace('lib/Makefile', r'^\tlibvscan\t\\\n\tlibw\t',
                '\tlibvscan\t\\\n\tlibvsock\t\\\n\tlibw\t'),
        after('lib/Makefile', r'^libvscan:\t', 'libvsock:\tlibkstat\n'),
        replace('cmd/Makefile', r'^\tvscan\t\t\\\n\tvt\t',
                '\tvscan\t\t\\\n\tvsockadm\t\\\n\tvt\t'),
        before('man/man8/Makefile', r'^\t\twall\.8\t',
               '\t\tvsockadm.8\t\t\\\n'),
    ]


def probes():
    """The vsock provider of DTrace."""
    table = 'uts/common/dtrace/sdt_subr.c'
    socket = ('vsock_conn_t *', 'vsockinfo_t *')
    addr = ('vsock_tuple_t *', 'vsockaddrinfo_t *')

    def args(probe, *args):
        text = ''
        for i, (native, *types) in enumerate(args):
            row = f'\t{{ "vsock", "{probe}", {i}, {native}, "{types[0]}"'
            for name in types[1:]:
                row += f',\n\t    "{name}"'
            text += row + ' },\n'
        return text

    text = (
        args('send', (0, *socket), (2, 'size_t')) +
        args('receive', (0, *socket), (2, 'size_t')) +
        args('connect-established', (0, *socket), (1, *addr)) +
        args('connect-refused', (0, *socket), (1, *addr), (2, 'int')) +
        args('accept-established', (0, *socket), (1, *addr)) +
        args('accept-refused', (1, *addr), (2, 'int')) +
        args('drop-in', (1, *addr), (2, 'size_t'), (3, 'const char *')) +
        args('drop-out', (1, *addr), (2, 'size_t'), (3, 'const char *')) +
        args('state-change', (0, *socket), (1, 'int'), (2, 'int')))
    return [
        after(table, r'^\t\{ "udp", "__udp_", &stab_attr \},$',
              '\t{ "vsock", "vsock__", &stab_attr },\n'),
        before(table, r'^\t\{ "fsinfo", NULL, 0, 0, ', text + '\n',
               old=r'(?:\t\{ "vsock", "[a-z-]+",(?:.*,\n)?.*\},\n)+\n'),
        replace('lib/libdtrace/Makefile.com', r'^\tunistd\.d$',
                '\tunistd.d \\\n\tvsock.d'),
        after('pkg/manifests/developer-dtrace.p5m',
              r'^file path=usr/lib/dtrace/unistd\.d mode=0444$',
              'file path=usr/lib/dtrace/vsock.d mode=0444\n'),
    ]


def tests(programs):
    """ktest and os-tests; programs: what tests/vsock installs."""
    listed = "', '".join(programs)
    return [
        after('pkg/manifests/driver-ktest.p5m',
              r'^file path=usr/kernel/misc/ktest/\$\(ARCH64\)/stream_test ',
              'file path=usr/kernel/misc/ktest/$(ARCH64)/vsock_test '
              'group=sys mode=0755\n'),
        after('test/os-tests/tests/Makefile', r'^\t\tvfs \\$',
              '\t\tvsock \\\n'),
        before('test/os-tests/runfiles/default.run',
               r'^\[/opt/os-tests/tests/syscall\]$',
               '[/opt/os-tests/tests/vsock]\n'
               f"user = root\ntests = ['{listed}']\n\n",
               old=r'\[/opt/os-tests/tests/vsock\]\n(?:.+\n)+\n'),
        before('pkg/manifests/system-test-ostest.p5m',
               r'^file path=opt/os-tests/tests/writev\.32 ',
               'dir  path=opt/os-tests/tests/vsock\n' +
               ''.join(f'file path=opt/os-tests/tests/vsock/{p} mode=0555\n'
                       for p in programs),
               old=r'dir  path=opt/os-tests/tests/vsock\n'
                   r'(?:file path=opt/os-tests/tests/vsock/.*\n)+'),
    ]


def manuals():
    return [
        before('man/man3head/Makefile', r'^\t\twait\.h\.3head\t',
               '\t\tvsock.h.3head\t\t\\\n'),
        before('man/man4d/Makefile', r'^\t\twpi\.4d\t',
               '\t\tviosock.4d\t\\\n', where='viosock'),
        before('man/man4d/Makefile', r'^\t\twpi\.4d\t',
               '\t\tvsockhv.4d\t\\\n'),
        before('man/man4p/Makefile', r'^\t\tvxlan\.4p$',
               '\t\tvsock.4p\t\\\n'),
        replace('man/man9/Makefile', r'^\t\tvmem\.9$',
                '\t\tvmem.9 \\\n\t\tvsock_transport.9'),
    ]


def bhyve():
    """bhyve's device; in gates whose bhyve knows modern devices."""
    return [
        after('cmd/bhyve/Makefile.com', r'^\tpci_virtio_viona\.o\t',
              '\tpci_virtio_vsock.o\t\\\n', where='bhyve'),
        after('man/man8/bhyve.8', r'^Virtio random number generator interface',
              '.It Cm virtio-vsock\n'
              'Virtio socket interface, which connects\n'
              '.Dv AF_VSOCK\n'
              'sockets of the guest and of the host; see\n'
              '.Xr vsock 4P .\n', where='bhyve'),
        after('man/man5/bhyve_config.5',
              r'^VirtIO random number generator interface',
              '.It Li virtio-vsock\nVirtIO socket interface.\n',
              where='bhyve'),
        before('man/man5/bhyve_config.5',
               r'^\.Ss Other Network Backend Settings$',
               '.Ss virtio-vsock Settings\n'
               '.Bl -column "ports" "string" "Default"\n'
               '.It Sy Name Ta Sy Format Ta Sy Default Ta Sy Description\n'
               '.It cid Ta integer Ta Ta\n'
               'The context identifier of the guest, from 3 to 4294967294, '
               'which no other guest\nof the host may have.\n'
               'Required.\n'
               '.It ports Ta string Ta Ta\n'
               'The ports of the host that the guest may connect to: numbers '
               'and ranges\n'
               '.Pq Li 1024-2047\n'
               'separated by colons, or\n'
               '.Li none .\n'
               'Without it there is no restriction.\n'
               '.El\n', where='bhyve'),
    ]


def edits(sources, programs):
    return (family() + modules(sources) + system() +
            administration() + probes() +
            tests(programs) + manuals() + bhyve())
