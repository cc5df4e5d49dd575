"""What happens to a user's clouds.yaml when devstack puts its clouds there."""

import os
import stat

import pytest
import yaml

from devstack import clouds_yaml
from devstack.progress import Unable

OURS = {'auth': {'auth_url': 'http://127.0.0.1:5000/v3', 'password': 'p: #1'}, 'region_name': 'RegionOne'}
OTHERS = [
    '',
    'clouds: {}\n',
    'clouds:\n',
    'clouds:   # nothing yet\n',
    '# mine\nclouds:\n  other:   # a comment\n    auth: {username: me, password: "x"}  # tail\n\n# the end\n',
    'clouds:\n    other:\n        auth:\n            username: me\n    third:\n        profile: x',
    'cache:\n  expiration_time: 3\nclouds:\n  other:\n    cert: |\n      line\n      line\nclient:\n  f: 1\n',
    'clouds: {other: {profile: x}, third: {profile: "y"}}\n',
    '{"clouds": {"other": {"profile": "x"}}}',
    'clouds:\r\n  other:\r\n    profile: x\r\n',
]


@pytest.fixture
def file(tmp_path):
    return tmp_path / 'openstack' / 'clouds.yaml'


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())


@pytest.mark.parametrize('text', OTHERS)
def test_an_entry_is_added_and_every_other_byte_stays(file, text):
    write(file, text)
    clouds_yaml.put(file, {'nimbus': OURS, 'nimbus-demo': OURS})
    after = file.read_bytes().decode()
    before = (yaml.safe_load(text) or {}).get('clouds') or {}
    assert yaml.safe_load(after)['clouds'] == {**before, 'nimbus': OURS, 'nimbus-demo': OURS}
    remains = iter(after)
    assert all(letter in remains for letter in text.replace('{}', '').strip())


@pytest.mark.parametrize('text', OTHERS)
def test_what_was_put_in_can_be_taken_out(file, text):
    write(file, text)
    before = (yaml.safe_load(text) or {}).get('clouds') or {}
    clouds_yaml.put(file, {'nimbus': OURS})
    clouds_yaml.take(file, ['nimbus', 'nimbus-demo'])
    after = yaml.safe_load(file.read_bytes()) if file.exists() else {}
    assert (after.get('clouds') or {}) == before


@pytest.mark.parametrize('text', OTHERS)
def test_a_second_time_changes_nothing(file, text):
    write(file, text)
    clouds_yaml.put(file, {'nimbus': OURS, 'nimbus-demo': OURS})
    first = file.read_bytes()
    clouds_yaml.put(file, {'nimbus': OURS, 'nimbus-demo': OURS})
    assert file.read_bytes() == first


def test_an_entry_of_the_same_name_is_replaced_where_it_stands(file):
    write(
        file,
        'clouds:\n  nimbus:\n    auth:\n      password: old\n\n  # the other\n  other:\n    profile: x\n',
    )
    clouds_yaml.put(file, {'nimbus': {'profile': 'new'}})
    expected = 'clouds:\n  nimbus:\n    profile: new\n\n  # the other\n  other:\n    profile: x\n'
    assert file.read_text() == expected


def test_only_the_owner_reads_the_file(file):
    write(file, 'clouds: {}\n')
    file.chmod(0o644)
    clouds_yaml.put(file, {'nimbus': OURS})
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600


def test_a_link_stays_a_link(file, tmp_path):
    (tmp_path / 'dotfiles').mkdir()
    file.parent.mkdir()
    file.symlink_to(tmp_path / 'dotfiles' / 'clouds.yaml')
    clouds_yaml.put(file, {'nimbus': OURS})
    assert file.is_symlink() and clouds_yaml.get(tmp_path / 'dotfiles' / 'clouds.yaml', 'nimbus') == OURS


def test_a_file_that_is_no_yaml_is_left_alone(file):
    write(file, 'clouds: [\n')
    with pytest.raises(Unable, match='cannot be read as YAML, so nothing was put into it'):
        clouds_yaml.put(file, {'nimbus': OURS})
    assert file.read_text() == 'clouds: [\n'


def test_the_file_is_where_the_clients_look(monkeypatch, tmp_path):
    monkeypatch.delenv('OS_CLIENT_CONFIG_FILE', raising=False)
    monkeypatch.delenv('XDG_CONFIG_HOME', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert clouds_yaml.path() == tmp_path / '.config/openstack/clouds.yaml'
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path / 'own.yaml'))
    assert clouds_yaml.path() == tmp_path / 'own.yaml'
