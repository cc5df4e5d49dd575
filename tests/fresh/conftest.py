"""A fresh machine for a whole module, whose tests are steps that follow one another."""

import os
from collections.abc import Iterator, Sequence

import pytest

from devstack.boxes import Box
from tests.fresh.newcomer import Newcomer, committed

SUITE = os.environ.get('NIMBUS_FRESH_SUITE', 'bookworm')


def machine(tmp: pytest.TempPathFactory, systemd: bool = False, extra: Sequence[str] = ()) -> Iterator[Newcomer]:
    """Somebody at a machine with nothing but the committed tree; the machine is gone afterwards."""
    with Box(SUITE, systemd, extra) as box:
        asked = box.run('apt-get', '-q', 'update')
        if asked.returncode or 'W: Failed' in asked.stdout:
            pytest.fail(f'The package registries cannot be reached from a box on this machine:\n{asked.stdout}')
        box.lay(committed(tmp.mktemp('tree')), '/root/nimbus')
        yield Newcomer(box)


@pytest.fixture(scope='module')
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Somebody at a machine on which no service manager runs."""
    yield from machine(tmp_path_factory)


@pytest.fixture(scope='module')
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Somebody at a machine whose first process is systemd."""
    yield from machine(tmp_path_factory, systemd=True)


@pytest.fixture(scope='module')
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """An ordinary user of a machine on which python3-venv is all that was installed."""
    for newcomer in machine(tmp_path_factory, extra=['python3-venv']):
        newcomer.asks('useradd', '-m', 'ada')
        newcomer.asks('sh', '-c', 'mv /root/nimbus /home/ada && chown -R ada:ada /home/ada/nimbus')
        yield Newcomer(newcomer.box, 'ada')
