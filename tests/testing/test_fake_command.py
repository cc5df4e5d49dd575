"""`nimbus fake`, as a user types it."""

import json
import os

import pytest

from nimbus.cli import main
from nimbus.testing.seeds import files


@pytest.fixture
def fake(process, steered, monkeypatch, capsys):
    """Runs the command against the cloud; returns its exit code, and what it printed to either side."""
    for name in [name for name in os.environ if name.startswith('OS_')]:
        monkeypatch.delenv(name)
    for name, value in process.environment().items():
        monkeypatch.setenv(name, value)

    def run(*words):
        code = main.main(['fake', *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_what_is_chosen_by_command_is_shown_and_reset(fake):
    assert fake('fail', 'compute.spawn', '--every', '3', '--message', 'no memory')[0] == 0
    assert fake('answer', '--service', 'image', '--status', '503', '--times', '2')[0] == 0
    assert fake('slow', 'volume.create', '0.5')[0] == 0
    assert fake('pages', '2')[0] == 0
    assert fake('clock', '90')[0] == 0
    shown = json.loads(fake('show')[1])
    assert (shown['faults'][0]['operation'], shown['faults'][0]['every']) == ('compute.spawn', 3)
    assert (shown['answers'][0]['status'], shown['answers'][0]['times']) == (503, 2)
    assert (shown['times'], shown['page_limit']) == ({'volume.create': 0.5}, 2)
    assert shown['clock'] == {'ahead': 90.0}
    assert fake('reset') == (0, '', '')
    shown = json.loads(fake('show')[1])
    assert not any(shown[name] for name in ('faults', 'answers', 'times', 'page_limit')) and shown['clock'] == {
        'ahead': 0
    }


def test_requests_come_a_line_each_and_only_later_ones(fake, steered, demo):
    before = steered.last()
    demo.get('compute', '/servers')
    lines = [json.loads(line) for line in fake('requests', '--since', str(before))[1].splitlines()]
    assert lines[0]['number'] == before + 1
    assert [line['path'] for line in lines if line['service'] == 'compute'][-1] == '/v2.1/servers'


def test_the_cloud_is_kept_put_back_and_written(fake, cloud):
    assert fake('snapshot', 'mine')[0] == 0
    cloud.login().post('identity', '/projects', {'project': {'name': 'late', 'domain_id': 'default'}})
    assert 'name: late' in fake('dump')[1]
    assert fake('restore', 'mine')[0] == 0
    assert 'late' not in [row['name'] for row in files.parse(fake('dump')[1])['projects']]


def test_what_is_refused_is_told_in_a_sentence(fake, monkeypatch):
    code, _, told = fake('host', 'moon', 'off')
    assert code == 1 and told.startswith('nimbus fake: There is no host moon; there are ')
    assert fake('restore', 'none')[::2] == (1, 'nimbus fake: There is no snapshot none.\n')
    monkeypatch.setenv('OS_CLOUD', 'nimbus-demo')
    assert fake('show')[::2] == (1, 'nimbus fake: demo does not steer the cloud: use the credentials of admin.\n')
