"""What the command `nimbus` says where it cannot do what it was asked."""

import pytest

from nimbus.cli import cloud, main, status


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """A user whom nothing tells which cloud is meant."""
    for name in ('OS_AUTH_URL', 'OS_CLOUD', 'OS_CLIENT_CONFIG_FILE'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cloud, 'PLACES', ())
    monkeypatch.setenv('HOME', str(tmp_path))
    return tmp_path


def test_without_a_cloud_status_says_what_is_missing(alone, capsys):
    assert status.main([]) == 2
    assert capsys.readouterr().err.endswith('stands in clouds.yaml, and OS_AUTH_URL is not set.\n')


def test_a_fake_cloud_that_nobody_pointed_to_is_named(alone, capsys):
    file = alone / '.local/state/nimbus-fake/clouds.yaml'
    file.parent.mkdir(parents=True)
    file.touch()
    assert status.main([]) == 2
    assert capsys.readouterr().err.endswith(f'export OS_CLIENT_CONFIG_FILE={file}\n')


def test_a_cloud_that_does_not_answer_is_told_in_one_short_line(alone, monkeypatch, capsys):
    monkeypatch.setenv('OS_AUTH_URL', 'http://127.0.0.1:9/v3')
    for name in ('USERNAME', 'PASSWORD', 'PROJECT_NAME'):
        monkeypatch.setenv(f'OS_{name}', 'admin')
    assert status.main([]) == 2
    assert capsys.readouterr().err == 'The cloud cannot be asked: 127.0.0.1:9 does not answer.\n'


def test_an_option_before_the_verb_is_told_where_it_belongs(capsys):
    with pytest.raises(SystemExit):
        main.main(['--os-cloud', 'x', 'status'])
    assert '--os-cloud belongs behind the verb: nimbus VERB --os-cloud' in capsys.readouterr().err


def test_help_speaks_to_who_types_it(capsys):
    with pytest.raises(SystemExit):
        main.main(['--help'])
    assert 'Bring a cloud up, see how it is' in capsys.readouterr().out
