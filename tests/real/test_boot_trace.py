"""Which daemon asks whom over RabbitMQ while one server is born: the numbered steps of doc/boot.md, printed."""

import os
import pathlib
import re
import shutil

import pytest

from devstack import rabbitmq
from tests.chaos.cloud import Cloud
from tests.chaos.operations import Boot, MakeVolume, User, settled

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason='broker and database run as users of their own: only root can'),
    pytest.mark.skipif(not os.path.exists(rabbitmq.SERVER), reason='rabbitmq-server is not installed here'),
    pytest.mark.skipif(not shutil.which('mariadbd'), reason='mariadbd is not installed here'),
]
DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / 'doc' / 'boot.md'
# The numbers of doc/boot.md; other messages, such as heartbeats and repeated looks, may stand between.
STEPS = {
    5: 'api: cast conductor nudge',
    7: 'conductor: call scheduler place',
    9: 'conductor: cast network.HOST nudge',
    10: 'network: call desk-network desired',
    12: 'network: call desk-network applied',
    13: 'conductor: call volume.HOST connect',
    14: 'conductor: call compute.HOST spawn',
    17: 'compute: call desk-compute done',
}
LINE = re.compile(r'(\S+ \S+) \d+ DEBUG nimbus\.trace:\d+ \[.*?\] (?:\[instance: \S+\] )?(.*)')
PULSE = re.compile(r'.* (alive|progress)$')


@pytest.fixture
def cloud():
    with Cloud({}, debug=True) as made:
        made.user = User(made)
        yield made


def trace(cloud: Cloud) -> list[str]:
    """Every message that a daemon on the first host or a control daemon sent, in order, as 'WHO: call TOPIC verb'."""
    found = []
    for daemon in ('api', 'conductor', 'scheduler', 'image', 'identity', 'compute', 'network', 'volume'):
        for line in cloud.registry.log(daemon).read_text().splitlines():
            if told := LINE.match(line):
                found.append((told[1], f'{daemon}: {told[2]}'.replace(f'.{cloud.hosts[0]} ', '.HOST ')))
    return [told for _, told in sorted(found, key=lambda pair: pair[0]) if not PULSE.match(told)]


@pytest.mark.long
def test_a_boot_with_a_volume_asks_over_rabbitmq_whom_the_document_says(cloud):
    volume = MakeVolume(cloud.user)
    assert volume.ask() and not settled(cloud) and volume.outcome() == 'available'
    before = len(trace(cloud))
    server = Boot(cloud.user)
    server.volumes = [row.id for row in cloud.sql('SELECT id FROM volumes WHERE name = :name', name=volume.name)]
    assert server.ask() and not settled(cloud) and server.outcome() == 'active'
    told = trace(cloud)[before:]
    numbers = {step: number for number, step in STEPS.items()}
    print('\n'.join(f'{numbers.get(line, ""):>3} {line}' for line in told))
    left = iter(told)
    assert [step for step in STEPS.values() if not any(step == line for line in left)] == []


def test_the_document_says_these_steps_in_bold():
    rows = dict(re.findall(r'^\| (\d+) \| (.*)$', DOCUMENT.read_text(), re.MULTILINE))
    assert {int(number) for number, row in rows.items() if '**' in row} == set(STEPS)
    for number, step in STEPS.items():
        who, how, topic, verb = re.fullmatch(r'(\w+): (\w+) (\S+) (\w+)', step).groups()
        row = rows[str(number)].replace('`', '').replace('**', '')
        assert all(word in row for word in (f'nimbus-{who}', how, topic, verb)), f'{number}: {row}'
