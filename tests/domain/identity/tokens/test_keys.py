"""The directory of token keys."""

import os
import stat
import time

import pytest

from nimbus.common import errors
from nimbus.identity import key_repository

LIFE = 3600


def numbers(root):
    return sorted(int(file.name) for file in root.iterdir() if file.name.isdigit())


@pytest.fixture
def root(tmp_path):
    key_repository.setup(tmp_path / 'keys')
    return tmp_path / 'keys'


def test_keys_are_their_owners_alone(root):
    assert numbers(root) == [0, 1]
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert {stat.S_IMODE((root / str(n)).stat().st_mode) for n in numbers(root)} == {0o600}


def test_setting_up_twice_changes_nothing(root):
    before = {n: (root / str(n)).read_bytes() for n in numbers(root)}
    key_repository.setup(root)
    assert {n: (root / str(n)).read_bytes() for n in numbers(root)} == before


def test_a_live_token_outlives_any_number_of_rotations(root):
    ring = key_repository.KeyRing(root)
    token = ring.encrypt(b'hello', time.time())
    for _ in range(5):
        key_repository.rotate(root, LIFE)
        assert ring.decrypt(token) == b'hello'
        assert key_repository.KeyRing(root).decrypt(token) == b'hello'


def test_a_staged_key_becomes_primary_so_that_no_host_is_surprised(root):
    elsewhere = key_repository.KeyRing(root)
    elsewhere.refresh()
    staged = (root / '0').read_bytes()
    key_repository.rotate(root, LIFE)
    assert (root / '2').read_bytes() == staged
    token = key_repository.KeyRing(root).encrypt(b'new', time.time())
    assert any(key for key in elsewhere._keys if _opens(key, token))


def _opens(key, token):
    try:
        return key.decrypt(token) == b'new'
    except Exception:
        return False


def test_a_key_goes_when_no_token_of_it_can_live(root):
    key_repository.rotate(root, LIFE)
    assert numbers(root) == [0, 1, 2]
    old = time.time() - LIFE - key_repository.MARGIN - 1
    os.utime(root / '1', (old, old))
    key_repository.rotate(root, LIFE)
    assert numbers(root) == [0, 2, 3]


def test_an_interrupted_rotation_is_completed_by_the_next(root):
    os.rename(root / '0', root / '2')
    key_repository.rotate(root, LIFE)
    assert numbers(root) == [0, 1, 2]


def test_what_was_never_set_up_is_not_rotated(tmp_path):
    with pytest.raises(errors.NotFound):
        key_repository.rotate(tmp_path / 'nothing', LIFE)
    with pytest.raises(errors.Unavailable):
        key_repository.KeyRing(tmp_path / 'nothing').encrypt(b'x', time.time())
