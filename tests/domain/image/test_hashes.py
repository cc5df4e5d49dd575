"""The hashes of an upload, small or large, whole or broken off."""

import hashlib
import threading

import pytest

from nimbus.image.data import hashes
from nimbus.image.data.hashes import Hashes


@pytest.mark.parametrize('size', [0, 1, hashes.ALONE, hashes.ALONE + 1, 3 * hashes.ALONE + 7])
@pytest.mark.parametrize('piece', [65536, 1 << 20])
def test_they_are_those_of_all_the_bytes_in_their_order(size, piece):
    content = (b'%07d' % 3 * (size // 7 + 1))[:size]
    with Hashes() as found:
        for start in range(0, size, piece):
            found.eat(content[start : start + piece])
        facts = found.facts()
    assert facts == {
        'size': size,
        'checksum': hashlib.md5(content, usedforsecurity=False).hexdigest(),
        'os_hash_algo': 'sha512',
        'os_hash_value': hashlib.sha512(content).hexdigest(),
    }


def test_an_upload_that_breaks_off_leaves_no_thread_at_work():
    with pytest.raises(ValueError), Hashes() as found:
        for _ in range(6):
            found.eat(bytes(1 << 20))
        raise ValueError
    assert all(lane._over.is_set() for lane in found._lanes) and len(found._lanes) == 2


def test_pieces_wait_for_a_slow_hash_and_memory_is_bounded(monkeypatch):
    going, eaten = threading.Event(), []

    class Slow:
        def update(self, piece):
            going.wait(10)

    with Hashes() as found:
        found._md5 = Slow()
        found.eat(bytes(hashes.ALONE + 1))

        def feed():
            for _ in range(3 * hashes.AHEAD):
                found.eat(b'x')
                eaten.append(1)

        feeder = threading.Thread(target=feed)
        feeder.start()
        feeder.join(0.3)
        assert feeder.is_alive() and len(eaten) <= hashes.AHEAD + 1
        going.set()
        feeder.join(10)
        assert len(eaten) == 3 * hashes.AHEAD
