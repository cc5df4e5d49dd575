"""What a purge takes, and what it leaves to others."""

import errno
import pathlib
import shutil
import tempfile

import pytest

from devstack import clouds_yaml, down, leftovers, place, processes, up
from devstack.place import write_private


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A place of its own, which a demo user has, and a clouds.yaml of its own."""
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path / 'clouds.yaml'))
    monkeypatch.setattr(leftovers, '_ports', lambda place: set())
    folder = pathlib.Path(tempfile.mkdtemp(prefix='n-', dir='/var/tmp'))
    made = place.settle(folder)
    for user in ('admin', 'demo'):
        made.secret(user)
    yield made
    shutil.rmtree(folder, ignore_errors=True)


def names() -> set[str]:
    """The clouds in clouds.yaml."""
    file = clouds_yaml.path()
    return {name for name in ('nimbus', 'nimbus-demo') if clouds_yaml.get(file, name)}


def test_a_purged_cloud_is_gone_from_clouds_yaml_and_from_disk(here):
    clouds_yaml.put(clouds_yaml.path(), up.entries(here))
    down.purge(here)
    assert names() == set() and not here.state.exists()


def test_another_cloud_at_the_same_address_keeps_its_entries(here):
    other = up.entries(here)
    for entry in other.values():
        entry['auth'] = {**entry['auth'], 'password': 'of the other'}
    clouds_yaml.put(clouds_yaml.path(), other)
    down.purge(here)
    assert names() == {'nimbus', 'nimbus-demo'}


def test_a_cloud_that_never_started_takes_no_entry(here):
    clouds_yaml.put(clouds_yaml.path(), up.entries(here))
    for user in ('admin', 'demo'):
        here.secret_file(user).unlink()
    down.purge(here)
    assert names() == {'nimbus', 'nimbus-demo'}


def test_a_cloud_without_a_demo_has_no_entry_for_its_user(here):
    here.secret_file('demo').unlink()
    assert set(up.entries(here)) == {'nimbus'}


def test_a_full_disk_can_be_purged(here, monkeypatch):
    def full(path, text):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(leftovers, 'write_private', full)
    (here.state / 'guest' / 'cache').mkdir(parents=True)
    down.make_room(here)
    assert not (here.state / 'guest').exists()
    down.stop(here, processes.Registry(here.state))
    down.purge(here)
    assert not here.state.exists()


def test_a_switch_that_was_stopped_well_needs_no_network_driver(here, monkeypatch):
    asked = []
    monkeypatch.setattr(leftovers.subprocess, 'run', lambda words, **_: asked.append(words))
    write_private(here.state / 'nimbus.conf', '')
    (here.folder('openvswitch') / 'conf.db').touch()
    leftovers._unwire(here)
    assert asked == []


def test_a_folder_that_is_locked_again_after_a_purge_is_made_again(here):
    with place.alone(here.state):
        down.purge(here)
    with place.alone(here.state):
        assert (here.state / '.lock').exists()
