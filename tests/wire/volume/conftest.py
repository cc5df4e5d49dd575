"""The Volume API over a database with one host, one image and one agent that makes nothing."""

from typing import Any

import pytest

from nimbus.api.volume import app
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.common.parts import Parts
from nimbus.volume import hosts, types
from nimbus.volume.backups import progress as backup_progress
from nimbus.volume.volumes import progress
from tests.compute_world import add_image
from tests.conftest import ADMIN, MEMBER
from tests.wire.client import Client

LATEST = 'volume 3.67'
IMAGE = '6c2c8f0e-8a5b-4c57-9d3c-000000000001'
KEEPING = {'backup_service': 'nimbus.folder', 'backup_shared': False}
SERVER = '6c2c8f0e-8a5b-4c57-9d3c-00000000005e'


@pytest.fixture
def wired(parts: Parts) -> Parts:
    """Parts whose database knows a host with room, and an image."""
    with parts.db.write() as tx:
        facts = {'backend': 'fake', 'total_gb': 100, 'free_gb': 100, **KEEPING}
        services.report(tx, services.Kind('volume', hosts.BINARY), 'h1', facts, started=True)
        add_image(tx, IMAGE)
        types.ensure_default(tx)
    return parts


@pytest.fixture
def api(wired: Parts) -> Client:
    """The API at 3.0."""
    return Client(app.make(wired), prefix='/v3')


@pytest.fixture
def latest(wired: Parts) -> Client:
    """The API at its newest version."""
    return Client(app.make(wired), version=LATEST, prefix='/v3')


def at_rest(database: db.Database, volume_id: str) -> None:
    """The volume's job did its work, as far as the rows tell."""
    with database.write() as tx:
        volume = progress.look(tx, volume_id)
        progress.placed(tx, volume_id, hosts.choose(tx, volume, 3600))
        progress.made(tx, volume_id, bootable=bool(volume.image and not volume.source_volid and not volume.snapshot_id))


@pytest.fixture
def make(latest: Client, wired: Parts) -> Any:
    """Makes a volume that is available; returns its id."""

    def make(asker: Any = MEMBER, **body: Any) -> str:
        made = latest('POST', '/volumes', {'volume': {'size': 1, **body}}, asker=asker)
        assert made.status == 202, made.data
        at_rest(wired.db, made.json['volume']['id'])
        return made.json['volume']['id']

    return make


@pytest.fixture
def act(latest: Client) -> Any:
    """Asks for an action of a volume; returns the answer."""

    def act(volume_id: str, name: str, inner: Any = None, asker: Any = MEMBER) -> Any:
        return latest('POST', f'/volumes/{volume_id}/action', {name: inner}, asker=asker)

    return act


@pytest.fixture
def show(latest: Client) -> Any:
    """A volume as an operator sees it."""
    return lambda volume_id: latest('GET', f'/volumes/{volume_id}', asker=ADMIN).json['volume']


@pytest.fixture
def backup(latest: Client, wired: Parts) -> Any:
    """Makes a backup that is available; returns its id."""

    def backup(volume: str, asker: Any = MEMBER, **body: Any) -> str:
        made = latest('POST', '/backups', {'backup': {'volume_id': volume, **body}}, asker=asker)
        assert made.status == 202, made.data
        with wired.db.write() as tx:
            backup_progress.made(tx, made.json['backup']['id'], 3)
            backup_progress.release(tx, volume, body.get('snapshot_id'))
        return str(made.json['backup']['id'])

    return backup
