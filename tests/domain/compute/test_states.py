"""Every verb of a server in every state, and what the wire calls the states."""

import types

import pytest

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.servers import servers
from tests.compute_world import furnish, put_in, running
from tests.conftest import MEMBER

STATES = sorted(states.LIVING | {states.DELETED})
# verb -> the states it may begin in, as the field's clients know them
ALLOWED = {
    'build': {'building'},
    'delete': set(STATES) - {'deleted'},
    'soft_delete': set(STATES) - {'deleted', 'building'},
    'shelve': {'active', 'stopped', 'paused', 'suspended'},
    'shelve_offload': {'shelved'},
    'unshelve': {'shelved', 'shelved_offloaded'},
    'restore': {'soft-delete'},
    'start': {'stopped'},
    'stop': {'active', 'error'},
    'reboot': {'active'},
    'reboot_hard': {'active', 'stopped', 'paused', 'suspended', 'error'},
    'pause': {'active'},
    'unpause': {'paused'},
    'suspend': {'active'},
    'resume': {'suspended'},
    'change_password': {'active'},
    'trigger_crash_dump': {'active', 'paused', 'rescued', 'resized', 'error'},
    'rescue': {'active', 'stopped', 'error'},
    'unrescue': {'rescued'},
    'rebuild': {'active', 'stopped', 'error'},
    'evacuate': {'active', 'stopped', 'error'},
    'resize': {'active', 'stopped'},
    'migrate': {'active', 'stopped'},
    'migrate_live': {'active', 'paused'},
    'confirm_resize': {'resized'},
    'revert_resize': {'resized'},
    'snapshot': {'active', 'stopped', 'paused', 'suspended'},
    'backup': {'active', 'stopped', 'paused', 'suspended'},
    'attach_volume': {'active', 'stopped', 'paused', 'resized', 'shelved', 'shelved_offloaded', 'soft-delete'},
    'detach_volume': {'active', 'stopped', 'paused', 'resized', 'shelved', 'shelved_offloaded', 'soft-delete'},
    'attach_interface': {'active', 'stopped', 'paused'},
    'detach_interface': {'active', 'stopped', 'paused'},
    'update metadata': {'active', 'stopped', 'paused', 'suspended'},
    'delete metadata': {'active', 'stopped', 'paused', 'suspended'},
}


def test_every_verb_of_the_table_is_walked():
    assert set(ALLOWED) == set(states.MACHINE.rules)


@pytest.mark.parametrize('verb', sorted(ALLOWED))
def test_a_verb_begins_in_its_states_and_is_refused_in_all_others(database: db.Database, verb: str):
    row = running(database, furnish(database))
    for state in STATES:
        put_in(database, row.id, state)
        try:
            with database.write() as tx:
                servers.begin(tx, MEMBER, row.id, verb)
            began = True
        except errors.WrongState as why:
            began = False
            told = states.TOLD.get(verb, verb)
            assert why.sentence == f"Cannot '{told}' instance {row.id} while it is in vm_state {state}"
        assert began == (state in ALLOWED[verb]), (verb, state)


def test_a_verb_waits_for_the_one_under_way(database: db.Database):
    row = running(database, furnish(database))
    put_in(database, row.id, states.ACTIVE, 'powering-off')
    with pytest.raises(errors.WrongState, match='while it is in task_state powering-off'), database.write() as tx:
        servers.begin(tx, MEMBER, row.id, 'reboot')


def test_a_hard_reboot_breaks_into_a_soft_one_and_the_soft_one_does_not_end_it(database: db.Database):
    row = running(database, furnish(database))
    with database.write() as tx:
        servers.begin(tx, MEMBER, row.id, 'reboot')
        servers.begin(tx, MEMBER, row.id, 'reboot_hard')
        assert not servers.finished(tx, row.id, 'reboot')
        assert servers.row_of(tx, row.id).task_state == 'rebooting_hard'
        assert servers.finished(tx, row.id, 'reboot_hard')
        assert servers.row_of(tx, row.id).task_state is None


def test_the_wire_has_one_word_for_two_states():
    def status(vm_state: str, task_state: str | None = None) -> str:
        return states.status(types.SimpleNamespace(vm_state=vm_state, task_state=task_state))

    assert [status(state) for state in STATES] == [
        'ACTIVE',
        'BUILD',
        'DELETED',
        'ERROR',
        'PAUSED',
        'RESCUE',
        'VERIFY_RESIZE',
        'SHELVED',
        'SHELVED_OFFLOADED',
        'SOFT_DELETED',
        'SHUTOFF',
        'SUSPENDED',
    ]
    assert status('active', 'rebooting') == 'REBOOT'
    assert status('active', 'rebooting_hard') == 'HARD_REBOOT'
    assert status('active', 'powering-off') == 'ACTIVE'
    assert [status(state, 'rebuild_spawning') for state in ('active', 'stopped', 'error')] == ['REBUILD'] * 3
    assert status('stopped', 'rebooting_hard') == 'SHUTOFF'
