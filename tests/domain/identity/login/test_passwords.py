"""Hashes of passwords, and how many are made at a time."""

import threading

import pytest

from nimbus.common import errors
from nimbus.identity.people import passwords as module
from nimbus.identity.people.passwords import Passwords


@pytest.fixture
def passwords():
    made = Passwords(rounds=4, threads=1, waiting=1)
    yield made
    made.close()


@pytest.mark.parametrize('password', ['p', '', 'pä\u2603', 'x' * 72, 'x' * 73, 'x' * 4096, 'nul\0byte'])
def test_only_the_same_password_matches(passwords, password):
    stored = passwords.hash(password)
    assert passwords.verify(password, stored)
    assert not passwords.verify(password + 'x', stored)
    assert not passwords.verify('other', stored)


def test_a_long_password_is_not_cut(passwords):
    stored = passwords.hash('x' * 72 + 'a')
    assert not passwords.verify('x' * 72 + 'b', stored)
    assert not passwords.verify('x' * 72, stored)


def test_whoever_has_no_hash_is_checked_all_the_same(passwords, monkeypatch):
    checked = []
    real = module.bcrypt.checkpw
    monkeypatch.setattr(module.bcrypt, 'checkpw', lambda *told: checked.append(told) or real(*told))
    assert not passwords.verify('anything', None)
    assert len(checked) == 1 and checked[0][1].startswith(b'$2b$04$')


def test_one_login_too_many_is_told_to_come_back(passwords, monkeypatch):
    busy, release = threading.Semaphore(0), threading.Event()

    def slow(_password, _stored):
        busy.release()
        release.wait(10)
        return True

    monkeypatch.setattr(module, '_matches', slow)
    threads = [threading.Thread(target=passwords.verify, args=('x', 'y')) for _ in range(2)]
    threads[0].start()
    busy.acquire()
    threads[1].start()
    while passwords._slots._value:
        pass
    with pytest.raises(errors.Unavailable):
        passwords.verify('x', 'y')
    release.set()
    [thread.join() for thread in threads]
    assert passwords.verify('x', 'y')
