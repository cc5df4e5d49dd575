"""A cloud whose ports are taken is refused before anything of it is started."""

import os
import pathlib
import re
import shutil
import socket
import tempfile

import pytest

from devstack import place, ports, processes
from devstack.progress import Unable

FREE = place.TEST_OFFSETS['ports']


@pytest.fixture
def here():
    """A place of its own and the registry of its processes."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='n-', dir='/var/tmp'))
    made = place.settle(folder, port_offset=FREE)
    registry = processes.Registry(folder)
    yield made, registry
    for name in registry.names():
        registry.stop(name)
    shutil.rmtree(folder)


def test_free_ports_are_fine(here):
    ports.require_free(*here)


def test_who_has_a_port_is_named(here):
    me = re.escape(pathlib.Path('/proc/self/comm').read_text().strip())
    told = rf'port \d+ of 127.0.0.1, which network needs, is taken by process {os.getpid()} \({me}\)'
    with socket.create_server(('127.0.0.1', here[0].port('network'))):
        with pytest.raises(Unable, match=told):
            ports.require_free(*here)


@pytest.mark.parametrize('address', ['192.0.2.77', 'no-such-name.invalid'])
def test_an_address_that_is_not_this_machines_is_told(here, address):
    elsewhere = place.settle(here[0].state, bind=address)
    with pytest.raises(Unable, match=f'nothing can listen on port 11000 of {address}: '):
        ports.require_free(elsewhere, here[1])


def test_the_clouds_own_process_may_have_its_port(here):
    here[1].start('nimbus', ['sleep', '60'])
    with socket.create_server(('127.0.0.1', here[0].port('network'))):
        ports.require_free(*here)
