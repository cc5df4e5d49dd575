"""A configuration that cannot be used is told in sentences that name the file, the option and what is allowed."""

import os
import tempfile

import oslo_messaging
import pytest

from nimbus.cmd.manage import manage
from nimbus.common import config


def load(path, *said: str):
    path.write_text('\n'.join(said))
    return config.load([], 'nimbus', [str(path)])


def test_every_value_that_is_not_allowed_is_told_at_once(tmp_path):
    with pytest.raises(config.Unusable) as told:
        load(tmp_path / 'nimbus.conf', '[log]', 'facility = nowhere', 'keep = 0', '[database]', 'pool_size = many')
    facility, keep, pool = sorted(str(told.value).splitlines(), key=lambda line: line.split()[1])
    assert 'facility of [log]' in facility and 'local0' in facility and 'nowhere' in facility
    assert 'keep of [log]' in keep and '1' in keep
    assert 'pool_size of [database]' in pool and 'many' in pool


def test_a_line_that_is_none_names_the_file_and_the_line(tmp_path):
    with pytest.raises(config.Unusable, match=r'nimbus\.conf:2'):
        load(tmp_path / 'nimbus.conf', '[log]', 'facility')


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(config.Unusable, match='no-such'):
        config.load([], 'nimbus', [str(tmp_path / 'no-such')])


def test_a_file_that_may_not_be_read_is_named_with_the_user():
    with tempfile.NamedTemporaryFile(suffix='nimbus.conf') as file:
        os.chmod(file.name, 0)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)  # root may read every file
        try:
            with pytest.raises(config.Unusable, match=f'User {os.geteuid()} .*nimbus.conf'):
                config.load([], 'nimbus', [file.name])
        finally:
            os.seteuid(before)


def test_a_command_ends_with_the_sentence_and_no_traceback(tmp_path, capsys):
    (tmp_path / 'nimbus.conf').write_text('[log]\nkeep = none')
    assert manage.main(['--config-file', str(tmp_path / 'nimbus.conf'), 'service', 'list']) == 1
    assert capsys.readouterr().err.startswith('nimbus-manage: Option keep of [log]')


@pytest.mark.parametrize(
    ('told', 'values'),
    [
        ('https://a/x', ['https://a/x']),
        ('https://a/x, https://b/x', ['https://a/x', 'https://b/x']),
        ('', []),
    ],
)
def test_every_option_that_may_be_given_several_times_may_stand_in_the_environment(tmp_path, monkeypatch, told, values):
    several = [(group, opt.dest) for group, opts in config.options().items() for opt in opts if opt.multi]
    assert ('federation', 'trusted_dashboard') in several
    several.append(('oslo_messaging_notifications', 'driver'))
    for group, name in several:
        monkeypatch.setenv(f'OS_{group.upper()}__{name.upper()}', told)
    conf = load(tmp_path / 'nimbus.conf')
    oslo_messaging.get_notification_transport(conf, url='fake://')
    oslo_messaging.Notifier(oslo_messaging.get_notification_transport(conf, url='fake://'), topics=[])
    for group, name in several:
        assert conf[group][name] == values, (group, name)
