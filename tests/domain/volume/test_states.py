"""Every verb of a volume in every state, and what the attachments make of it."""

import itertools

import pytest

from nimbus.common import context, errors, ids
from nimbus.image.models import Image  # noqa: F401 - its table stands beside
from nimbus.volume.models import Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import ALL, MACHINE
from nimbus.volume.volumes import attachments, progress, volumes
from tests.conftest import ADMIN, MEMBER, STRANGER

# The states in which a user may begin each verb; every other one is refused.
MAY = {
    'create': {'creating', 'downloading'},
    'download': {'creating', 'downloading'},
    'delete': {'available', 'error', 'error_extending', 'error_restoring'},
    'force_delete': set(ALL),
    'extend': {'available'},
    'extend_attached': {'in-use'},
    'upload': {'available'},
    'back_up': {'available'},
    'restore_backup': {'available'},
    'revert': {'available'},
    'reserve': {'available'},
    'begin_attach': {'available'},
    'unreserve': {'attaching', 'reserved'},
    'attach': {'available', 'attaching', 'reserved', 'in-use'},
    'begin_detach': {'in-use'},
    'roll_detach': {'detaching'},
    'offer': {'available'},
    'end_offer': {'awaiting-transfer'},
    'reset': set(ALL),
}
SERVER = ids.dashed()


@pytest.fixture
def volume(database):
    """A volume that is available; returns its id."""
    with database.write() as tx:
        made = volumes.create(tx, MEMBER, size=1).id
        progress.made(tx, made, bootable=False)
    return made


def status(database, volume_id):
    with database.read() as tx:
        row = progress.look(tx, volume_id)
        return row.status, row.attach_status


def put(database, volume_id, state):
    with database.write() as tx:
        tx.update(Volume, Volume.id == volume_id, status=state)


def test_the_table_has_every_verb():
    assert set(MACHINE.rules) == set(MAY)


def test_every_verb_begins_in_its_states_alone(database, volume):
    for verb, state in itertools.product(MAY, ALL):
        put(database, volume, state)
        assert MACHINE.allows(verb, state) is (state in MAY[verb]), (verb, state)
        with database.write() as tx:
            if state in MAY[verb]:
                MACHINE.begin(tx, Volume, volume, verb)
            else:
                with pytest.raises(errors.WrongState):
                    MACHINE.begin(tx, Volume, volume, verb)
        busy = MACHINE.rules[verb].busy
        assert status(database, volume)[0] == (busy if busy and state in MAY[verb] else state), (verb, state)


@pytest.mark.parametrize('state', sorted(set(ALL) - {'deleting'}))
def test_a_volume_is_deleted_from_rest_only(database, volume, state):
    put(database, volume, state)
    with database.write() as tx:
        if state in MAY['delete']:
            volumes.delete(tx, MEMBER, volume)
        else:
            with pytest.raises(errors.Invalid, match='status must be available'):
                volumes.delete(tx, MEMBER, volume)
    assert status(database, volume)[0] == ('deleting' if state in MAY['delete'] else state)


def test_deleting_twice_is_one_job(database, volume):
    with database.write() as tx:
        volumes.delete(tx, MEMBER, volume)
        volumes.delete(tx, MEMBER, volume)
        progress.gone(tx, volume)
        progress.gone(tx, volume)
        assert VolumeQuotas().show(tx, MEMBER.project_id)['gigabytes'].used == 0
    with database.read() as tx, pytest.raises(errors.NotFound):
        volumes.show(tx, MEMBER, volume)


def test_a_late_report_changes_nothing(database, volume):
    with database.write() as tx:
        volumes.delete(tx, MEMBER, volume)
        progress.made(tx, volume, bootable=True)
        progress.failed(tx, volume, 'create', 'too late')
        progress.not_grown(tx, volume, 5, 'too late')
    assert status(database, volume)[0] == 'deleting'


def test_a_volume_follows_its_attachment(database, volume):
    with database.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, SERVER)
        assert attachments.reserve(tx, MEMBER, volume, SERVER, attachment_id=made) == made
    assert status(database, volume) == ('reserved', 'detached')
    with database.write() as tx:
        attachments.connected(tx, MEMBER, made, 'h1', {'driver_volume_type': 'file'})
    assert status(database, volume) == ('attaching', 'detached')
    for _ in range(2):
        with database.write() as tx:
            attachments.complete(tx, MEMBER, made, '/dev/vdb')
        assert status(database, volume) == ('in-use', 'attached')
    for _ in range(2):
        with database.write() as tx:
            attachments.begin_detach(tx, MEMBER, made)
        assert status(database, volume) == ('detaching', 'attached')
    for _ in range(2):
        with database.write() as tx:
            attachments.drop(tx, MEMBER, made)
        assert status(database, volume) == ('available', 'detached')


def test_a_reservation_given_up_frees_the_volume(database, volume):
    with database.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, SERVER)
        with pytest.raises(errors.Invalid, match='must be available'):
            attachments.reserve(tx, MEMBER, volume, ids.dashed())
        attachments.drop(tx, MEMBER, made)
    assert status(database, volume) == ('available', 'detached')


def test_only_who_made_the_attachment_decides_over_it(database, volume):
    with database.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, SERVER)
        attachments.check_deletable(MEMBER, attachments.show(tx, MEMBER, made))  # nobody has it open yet
        attachments.connected(tx, MEMBER, made, 'h1', {'driver_volume_type': 'file'})
        row = attachments.show(tx, MEMBER, made)
        with pytest.raises(errors.Conflict, match='using the Compute API'):
            attachments.check_deletable(ADMIN, row)
        attachments.check_deletable(context.Context(service_roles=('service',)), row)
        with pytest.raises(errors.NotFound):
            attachments.show(tx, STRANGER, made)


def test_a_volume_in_error_is_connected_to_nobody(database, volume):
    with database.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, SERVER)
    put(database, volume, 'error')
    with database.write() as tx, pytest.raises(errors.Conflict, match='error state'):
        attachments.connected(tx, MEMBER, made, 'h1', {})
