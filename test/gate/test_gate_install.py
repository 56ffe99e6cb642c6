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

"""illumos/gate-install, on gates made of the few lines that it looks for."""

import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import gatefiles  # noqa: E402


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


class GateTest(unittest.TestCase):

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.gate = self.dir.name

    def path(self, name):
        return os.path.join(self.gate, 'usr/src', name)

    def text(self, name):
        return read(self.path(name))

    def edit(self, name, old, new):
        text = self.text(name)
        self.assertIn(old, text)
        with open(self.path(name), 'w', encoding='utf-8') as f:
            f.write(text.replace(old, new))

    def run_it(self, *args):
        done = subprocess.run(
            [os.path.join(TREE, 'illumos/gate-install'), *args],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            text=True)
        return done.returncode, done.stdout

    def install(self, code=0):
        result, output = self.run_it(self.gate)
        self.assertEqual(result, code, output)
        return output

    def snapshot(self):
        """Every file, with its text and when it was written."""
        found = {}
        for folder, _, names in os.walk(self.gate):
            for name in names:
                path = os.path.join(folder, name)
                found[path] = read(path), os.stat(path).st_mtime_ns
        return found

    def test_family(self):
        gatefiles.make(self.gate)
        self.install()
        header = self.text('uts/common/sys/socket.h')
        self.assertIn('#define\tAF_VSOCK\t34\t', header)
        self.assertIn('#define\tPF_VSOCK\tAF_VSOCK\n', header)
        self.assertIn('#define\tAF_MAX\t\t34\n', header)
        # truss checks its table when it is compiled.
        subprocess.run(
            ['gcc', '-fsyntax-only', '-I', self.path('uts/common/sys'),
             self.path('cmd/truss/systable.c')], check=True)
        self.assertEqual(self.text('cmd/truss/expound.c').count(
            'case AF_VSOCK:'), 1)
        self.assertEqual(self.text('cmd/ptools/pfiles/pfiles.c').count(
            'case AF_VSOCK:'), 1)

    def test_truss_needs_its_table(self):
        """The check of truss is one: without our change it fails."""
        gatefiles.make(self.gate)
        self.edit('uts/common/sys/socket.h', 'AF_MAX\t\t32', 'AF_MAX\t\t34')
        done = subprocess.run(
            ['gcc', '-fsyntax-only', '-I', self.path('uts/common/sys'),
             self.path('cmd/truss/systable.c')], check=False,
            stderr=subprocess.DEVNULL)
        self.assertNotEqual(done.returncode, 0)

    def test_everything_is_copied(self):
        gatefiles.make(self.gate)
        self.install()
        copies = {
            'module/vsock/*': 'uts/common/io/vsock',
            'module/viosock/*': 'uts/common/io/viosock',
            'module/vsockhv/*': 'uts/intel/io/vsockhv',
            'include/net/*.h': 'uts/common/net',
            'bhyve/*.c': 'cmd/bhyve/common',
            'cmd/vsockadm/*.[ch]': 'cmd/vsockadm',
            'lib/libvsock/vsock_*': 'lib/libvsock/common',
        }
        for pattern, into in copies.items():
            files = glob.glob(os.path.join(TREE, pattern))
            self.assertTrue(files)
            for file in files:
                self.assertEqual(
                    read(file),
                    self.text(os.path.join(into, os.path.basename(file))))
        for file in glob.glob(os.path.join(TREE, 'include/sys/*.h')):
            name = os.path.basename(file)
            arch = 'intel' if name == 'vsockhv.h' else 'common'
            self.assertEqual(read(file), self.text(f'uts/{arch}/sys/{name}'))

    def test_every_source_is_compiled(self):
        gatefiles.make(self.gate)
        self.install()
        lists = (self.text('uts/common/Makefile.files') +
                 self.text('uts/intel/Makefile.files')).replace('\\\n', ' ')
        rules = (self.text('uts/common/Makefile.rules') +
                 self.text('uts/intel/Makefile.rules'))
        for module in ('vsock', 'viosock', 'vsockhv'):
            objs = re.findall(rf'^{module.upper()}_OBJS =(.*)$', lists, re.M)
            self.assertEqual(len(objs), 1)
            sources = glob.glob(os.path.join(TREE, 'module', module, '*.c'))
            self.assertEqual(
                sorted(objs[0].split()),
                sorted(os.path.basename(s)[:-2] + '.o' for s in sources))
            self.assertEqual(len(re.findall(rf'/io/{module}/%\.c', rules)), 1)
            self.assertRegex(self.text('uts/intel/Makefile.intel'),
                             rf'(?m)^DRV_KMODS\t\+= {module}$')
        # One binary under two names.
        makefile = self.text('uts/intel/vsock/Makefile')
        self.assertIn('ROOTLINK\t= $(ROOT_SOCK_DIR)/$(MODULE)', makefile)

    def test_library(self):
        """libvsock: its sources, what it exports, and who needs it."""
        gatefiles.make(self.gate)
        self.install()
        here = self.path('lib/libvsock/common')
        makefile = self.text('lib/libvsock/Makefile.com')
        self.assertEqual(
            sorted(re.findall(r'\w+\.o\b', makefile)),
            sorted(os.path.basename(s)[:-2] + '.o'
                   for s in glob.glob(os.path.join(here, '*.c'))))
        self.assertEqual(
            sorted(re.findall(r'\w+\.o\b', self.text('cmd/vsockadm/Makefile'))),
            sorted(os.path.basename(s)[:-2] + '.o'
                   for s in glob.glob(self.path('cmd/vsockadm/*.c'))))
        mapfile = self.text('lib/libvsock/common/mapfile-vers')
        self.assertIn('# What all of them say.\n', mapfile)
        exported = re.findall(r'^\t(\w+);$', mapfile, re.M)
        header = self.text('lib/libvsock/common/libvsock.h')
        self.assertEqual(len(exported),
                         len(re.findall(r'(?m)^extern \w', header)))
        for name in exported:
            self.assertRegex(header, rf'\b{name}\(')
        self.assertIn('libvsock:\tlibkstat\n', self.text('lib/Makefile'))
        for name, word in (('lib/Makefile', 'libvsock'),
                           ('cmd/Makefile', 'vsockadm')):
            self.assertEqual(self.text(name).count(f'\t{word}\t'), 1)

    def test_packages(self):
        """What is installed is in one manifest, and only that."""
        gatefiles.make(self.gate)
        self.install()
        actions = []
        for file in glob.glob(self.path('pkg/manifests/*.p5m')):
            for line in read(file).replace('\\\n', '').splitlines():
                found = re.search(r'\b(?:file|hardlink) +path=(\S+)', line)
                if found:
                    actions.append(found.group(1))
        expected = ['kernel/drv/$(ARCH64)/vsock', 'kernel/drv/vsock.conf',
                    'kernel/socketmod/$(ARCH64)/vsock',
                    'kernel/drv/$(ARCH64)/viosock',
                    'usr/kernel/drv/$(ARCH64)/vsockhv',
                    'usr/kernel/drv/vsockhv.conf',
                    'usr/kernel/misc/ktest/$(ARCH64)/vsock_test',
                    'usr/lib/libvsock.so.1',
                    'usr/lib/$(ARCH64)/libvsock.so.1', 'usr/sbin/vsockadm',
                    'usr/include/net/vsock.h', 'usr/lib/dtrace/vsock.d',
                    'etc/sock2path.d/system%2Fnetwork%2Fvsock']
        pages = [p for p in glob.glob(self.path('man/*/*'))
                 if re.search(r'vsock|viosock', p)]
        self.assertEqual(len(pages), 6)
        for page in pages:
            section = os.path.basename(os.path.dirname(page))
            name = os.path.basename(page)
            expected.append(f'usr/share/man/{section}/{name}')
            self.assertIn(name, self.text(f'man/{section}/Makefile'))
        for path in expected:
            self.assertEqual(actions.count(path), 1, path)
        for path in actions:
            if re.search(r'vsock|viosock', path) and 'os-tests' not in path:
                self.assertIn(path, expected)

    def test_nodes(self):
        """Who may open the devices: root alone makes guests."""
        gatefiles.make(self.gate)
        self.install()
        perms = {}
        for file in glob.glob(self.path('pkg/manifests/*.p5m')):
            perms.update(re.findall(
                r'driver name=(vsock\w*|viosock) perms="(.*?)"', read(file)))
        self.assertEqual(perms, {'vsock': 'vsock 0666 root sys',
                                 'vsockhv': '* 0600 root sys',
                                 'viosock': '* 0600 root root'})

    def test_tests_are_listed(self):
        gatefiles.make(self.gate)
        self.install()
        names = {os.path.basename(p)[:-2] for p in
                 glob.glob(self.path('test/os-tests/tests/vsock/*.c'))}
        self.assertTrue(names)
        run = self.text('test/os-tests/runfiles/default.run')
        manifest = self.text('pkg/manifests/system-test-ostest.p5m')
        makefile = self.text('test/os-tests/tests/vsock/Makefile')
        listed = re.search(r'(?m)^PROGDA\t= (.*)$', makefile).group(1)
        self.assertEqual(set(listed.split()), names)
        for name in names:
            for bits in (32, 64):
                self.assertIn(f"'{name}.{bits}'", run)
                self.assertIn(f'tests/vsock/{name}.{bits} mode', manifest)

    def test_zones(self):
        gatefiles.make(self.gate)
        self.install()
        for file in glob.glob(self.path('lib/brand/*/zone/platform.xml')):
            devices = [d.getAttribute('match') for d in
                       xml.dom.minidom.parse(file).getElementsByTagName(
                           'device')]
            self.assertEqual(devices.count('vsock'), 1)
            self.assertNotIn('vsockhv', devices)

    def test_probes(self):
        """Every probe of the modules that the provider describes is there."""
        gatefiles.make(self.gate)
        self.install()
        table = self.text('uts/common/dtrace/sdt_subr.c')
        rows = re.findall(
            r'\{ "vsock", "([a-z-]+)", (\d), (\d), "[^"]+"(?:,\s+"(\w+) \*")?'
            r' \}', table)
        self.assertEqual(len({r[0] for r in rows}), 9)
        script = self.text('lib/libdtrace/common/vsock.d')
        for probe, arg, _, translated in rows:
            same = [r for r in rows if r[0] == probe]
            self.assertEqual([r[1] for r in same],
                             [str(i) for i in range(len(same))])
            self.assertIn(probe, script)
            if translated:
                self.assertIn(f'translator {translated} <', script)

    def test_states(self):
        """The states have the same numbers in D as in C."""
        for file in glob.glob(os.path.join(TREE, 'include/sys/*.h')):
            enum = re.search(r'(?s)typedef enum vsock_state \{(.*?)\}',
                             read(file))
            if enum:
                break
        states = re.findall(r'(?m)^\tVSOCK_S_(\w+)', enum.group(1))
        self.assertEqual(states.pop(), 'MAX')
        script = read(os.path.join(
            TREE, 'illumos/files/usr/src/lib/libdtrace/common/vsock.d'))
        self.assertEqual(
            re.findall(r'inline int VSOCK_STATE_(\w+) = (\d+);', script),
            [(name, str(i)) for i, name in enumerate(states)])
        for name in states:
            self.assertIn(f'state == VSOCK_STATE_{name} ? "state-'
                          f'{name.lower().replace("_", "-")}"', script)

    def test_again(self):
        gatefiles.make(self.gate)
        self.install()
        before = self.snapshot()
        self.assertIn('0 files written', self.install())
        self.assertEqual(self.snapshot(), before)

    def test_brought_up_to_date(self):
        """Lists that depend on our files, made by an earlier version."""
        gatefiles.make(self.gate)
        self.install()
        good = {p: t for p, (t, _) in self.snapshot().items()}
        self.edit('uts/common/Makefile.files', 'vsock_conn.o',
                  'vsock_gone.o \\\n\tvsock_also.o')
        self.edit('test/os-tests/runfiles/default.run', "'options.32', ", '')
        self.edit('pkg/manifests/system-test-ostest.p5m',
                  'file path=opt/os-tests/tests/vsock/options.32 mode=0555\n',
                  '')
        self.edit('uts/common/io/vsock/vsock.c', 'VSOCK', 'OLD')
        self.assertIn('4 files written', self.install())
        self.assertEqual({p: t for p, (t, _) in self.snapshot().items()},
                         good)

    def test_half_done(self):
        """What an earlier run could not finish is finished."""
        gatefiles.make(self.gate)
        self.install()
        good = {p: t for p, (t, _) in self.snapshot().items()}
        for name in ('uts/common/sys/socket.h', 'cmd/truss/systable.c'):
            with open(self.path(name), 'w', encoding='utf-8') as f:
                f.write(gatefiles.FILES['usr/src/' + name])
        os.unlink(self.path('uts/common/net/vsock.h'))
        self.assertIn('3 files written', self.install())
        self.assertEqual({p: t for p, (t, _) in self.snapshot().items()},
                         good)

    def test_missing_anchor(self):
        """Each file, without what is looked for in it: nothing is written."""
        gatefiles.make(self.gate)
        for name, text in {**gatefiles.FILES, **gatefiles.MODERN}.items():
            if name.endswith('/virtio.h'):
                continue
            path = os.path.join(self.gate, name)
            with open(path, 'w', encoding='utf-8') as f:
                f.write('nothing\n')
            before = self.snapshot()
            output = self.install(code=1)
            self.assertIn('nothing was changed', output)
            self.assertIn(name[len('usr/src/'):] + ': ', output)
            self.assertEqual(self.snapshot(), before)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
        self.install()

    def test_missing_files(self):
        """All of them are named at once."""
        gatefiles.make(self.gate)
        gone = ('cmd/truss/expound.c', 'uts/intel/Makefile.intel')
        for name in gone:
            os.unlink(self.path(name))
        before = self.snapshot()
        output = self.install(code=1)
        for name in gone:
            self.assertIn(f'{name}: No such file', output)
        self.assertEqual(self.snapshot(), before)

    def test_ambiguous_anchor(self):
        gatefiles.make(self.gate)
        self.edit('cmd/truss/expound.c', '\tcase AF_UNIX:\n',
                  '\tcase AF_UNIX:\n\tcase AF_UNIX:\n')
        before = self.snapshot()
        output = self.install(code=1)
        self.assertIn('cmd/truss/expound.c: 2 lines, not 1', output)
        self.assertEqual(self.snapshot(), before)

    def test_other_numbers(self):
        """A gate that has given the numbers to others is left alone."""
        gatefiles.make(self.gate)
        self.edit('uts/common/sys/socket.h', 'AF_MAX\t\t32', 'AF_MAX\t\t35')
        self.assertIn('sys/socket.h', self.install(code=1))

    def test_old_gate(self):
        """Without modern virtio: no viosock, and bhyve is left alone."""
        gatefiles.make(self.gate, modern=False)
        output = self.install()
        self.assertIn('viosock left out', output)
        self.assertIn('bhyve left as it is', output)
        for path, (text, _) in self.snapshot().items():
            self.assertNotIn('viosock', os.path.relpath(path, self.gate))
            if os.path.basename(path).startswith('Makefile'):
                self.assertNotIn('viosock', text, path)
        self.assertFalse(os.path.exists(self.path('cmd/bhyve')))
        self.assertTrue(os.path.exists(self.path('uts/intel/vsock/Makefile')))

    def test_bhyve_of_2025(self):
        """Its vi_intr_init() is another one: the device does not compile."""
        gatefiles.make(self.gate)
        self.edit('cmd/bhyve/common/virtio.h', 'bool use_msix',
                  'bool use_msi, bool use_msix')
        self.assertIn('bhyve left as it is', self.install())
        self.assertFalse(os.path.exists(
            self.path('cmd/bhyve/common/pci_virtio_vsock.c')))

    def test_dry_run(self):
        gatefiles.make(self.gate)
        before = self.snapshot()
        code, output = self.run_it('-n', self.gate)
        self.assertEqual(code, 0)
        self.assertIn('changed usr/src/uts/common/sys/socket.h', output)
        self.assertEqual(self.snapshot(), before)

    def test_modes(self):
        gatefiles.make(self.gate)
        os.chmod(self.path('uts/common/sys/socket.h'), 0o640)
        self.install()
        mode = os.stat(self.path('uts/common/sys/socket.h')).st_mode
        self.assertEqual(mode & 0o7777, 0o640)

    def test_arguments(self):
        self.assertEqual(self.run_it()[0], 2)
        code, output = self.run_it(self.gate)
        self.assertEqual(code, 1)
        self.assertIn('is not a checkout', output)
