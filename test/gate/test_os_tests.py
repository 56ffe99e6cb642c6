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

"""The os-tests that the gate gets, as programs of a vsockd.

BUILD is the folder in which vsockd and vsockrun are.
"""

import glob
import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
SOURCES = os.path.join(TREE, 'illumos/files/usr/src/test/os-tests/tests/vsock')
BIN = os.path.join(os.environ.get('BUILD', 'build'), 'bin')


class OsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.control = os.path.join(self.dir, 'control')
        vsockd = subprocess.Popen(
            [os.path.join(BIN, 'vsockd'), '--control', self.control],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, vsockd)
        self.assertEqual(vsockd.stdout.readline(), 'vsockd: ready\n')

    def stop(self, vsockd):
        vsockd.terminate()
        vsockd.stdout.close()
        self.assertEqual(vsockd.wait(), 0)

    def run_program(self, name):
        program = os.path.join(self.dir, name)
        subprocess.run(
            ['gcc', '-std=gnu99', '-D_GNU_SOURCE', '-Wall', '-Wextra',
             '-Werror', '-I', os.path.join(HERE, 'include'), '-o', program,
             os.path.join(SOURCES, name + '.c'), '-pthread'], check=True)
        done = subprocess.run(
            [os.path.join(BIN, 'vsockrun'), '--control', self.control, '--',
             program], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ''))


def add(name):
    setattr(OsTest, f'test_os_{name}', lambda self: self.run_program(name))


for source in glob.glob(os.path.join(SOURCES, '*.c')):
    add(os.path.basename(source)[:-2])
