"""Who asks whom over the bus while one server is born: the numbered steps of doc/boot.md."""

import logging

import pytest

from tests.whole.test_servers import boot

# What doc/boot.md numbers; other messages, such as heartbeats and repeated looks, may stand between.
STEPS = (
    'cast conductor nudge',
    'call scheduler place',
    'cast network.HOST nudge',
    'call desk-network desired',
    'call desk-network applied',
    'call compute.HOST spawn',
    'call desk-compute done',
)


@pytest.fixture
def trace():
    """Every message sent, in order, as 'call TOPIC verb'."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger('nimbus.trace')
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_boot_asks_whom_the_document_says(cloud, admin, flavor, image, network, trace):
    del trace[:]
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}])
    assert server['status'] == 'ACTIVE', server.get('fault')
    told = [line.replace(server['OS-EXT-SRV-ATTR:host'], 'HOST') for line in trace]
    print('\n'.join(told))
    left = iter(told)
    assert [step for step in STEPS if not any(step == line for line in left)] == []
