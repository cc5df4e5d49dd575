"""Three nodes with a cloud on them, for all the tests of a run."""

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from devstack import nodes, roots
from tests.nodes import cloud as clouds

IMAGE = roots.CACHE / 'guest'


@pytest.fixture(scope='session')
def cloud() -> Iterator[clouds.Cloud]:
    """The cloud that the guide's commands put up."""
    if os.geteuid() != 0:
        pytest.skip('nodes need root')
    built = subprocess.run([clouds.REPO / 'devstack/guest/build', IMAGE], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    with nodes.Lab() as lab:
        made = clouds.build(lab, IMAGE / 'nimbus-guest.qcow2')
        try:
            yield made
        finally:
            _keep_journals(made)


def _keep_journals(made: clouds.Cloud) -> None:
    """What the daemons said stands with the other reports, for whoever looks into a failure."""
    folder = pathlib.Path(os.environ.get('NIMBUS_REPORTS', clouds.REPO / '.reports')) / 'nodes'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'guide.json').write_text(json.dumps(made.said, indent=1))
    for name in ('ctl', *clouds.HOSTS):
        if made[name].pid:
            journal = made[name].run('journalctl', '-u', 'nimbus-*', '--no-pager', '-o', 'short-iso-precise')
            (folder / f'{name}.log').write_text(journal.stdout)
