"""Lines of the log: the field's format, whose request they are of, and no secret."""

import logging
import os
import socket
import subprocess
import sys

import pytest

from nimbus.cmd import wiring
from nimbus.common import config, log


def lines(*said, about=('req-1', 'server-1'), formats=()):
    """What the formatter makes of messages, within a request."""
    made = []
    handler = logging.Handler()
    handler.addFilter(log.Facts())
    handler.setFormatter(log.Formatter(*formats))
    handler.emit = lambda record: made.append(handler.format(record))
    logger = logging.getLogger('test.lines')
    logger.addHandler(handler)
    with log.about(*about):
        for message, *args in said:
            logger.warning(message, *args)
    logger.removeHandler(handler)
    return made


def test_a_line_tells_the_request_and_the_instance():
    (line,) = lines(('Booted %s', 'it'))
    assert ' WARNING test.lines [req-1] [instance: server-1] Booted it' in line


def test_a_line_outside_any_request_says_so():
    (line,) = lines(('Started',), about=('-', ''))
    assert line.endswith(' WARNING test.lines [-] Started')


def test_secrets_are_masked():
    (line,) = lines(('body {"adminPass": "hunter2", "password": "hunter2"} token=hunter2',))
    assert 'hunter2' not in line
    assert line.count('***') == 3


@pytest.mark.parametrize(
    'url',
    [
        'https://store.example/i?X-Amz-Signature=hunter2&X-Amz-Expires=60',
        'https://store.example/i?sig=hunter2',
        'https://ann:hunter2@store.example/i',
    ],
)
def test_what_opens_a_url_is_masked(url):
    """A download that fails is logged with the URI that a user gave."""
    (line,) = lines(('Task 7 failed: %s answers 403.', url))
    assert 'hunter2' not in line and '//store.example/i' in line.replace('ann:***@', '') and 'answers 403' in line


def test_an_operators_formats_are_followed_within_a_request_and_outside_of_any():
    formats = ('%(levelname)s <%(request_id)s> %(instance)s%(message)s', 'alone %(message)s')
    assert lines(('it',), formats=formats) == ['WARNING <req-1> [instance: server-1] it']
    assert lines(('it',), about=('-', ''), formats=formats) == ['alone it']


def test_at_debug_a_line_tells_where_in_the_source_it_was_written():
    (line,) = lines(('it',), formats=(log.at_debug(log.FORMAT),))
    assert ' test.lines:' in line and line.partition('test.lines:')[2].split()[0].isdigit()


@pytest.fixture
def configured(tmp_path):
    """Sets logging up by lines of nimbus.conf; the root logger is as before afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def do(*said):
        file = tmp_path / 'nimbus.conf'
        file.write_text('\n'.join(said))
        wiring.set_up_logging(config.load([], 'nimbus', [str(file)]))

    yield do
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:], root.level = before


def test_the_names_operators_know_for_the_formats_work_too(configured, tmp_path):
    configured(
        '[DEFAULT]',
        'logging_context_format_string = C %(message)s',
        'logging_default_format_string = D %(message)s',
        '[log]',
        f'file = {tmp_path}/it.log',
    )
    logging.getLogger('x').warning('one')
    with log.about('req-1'):
        logging.getLogger('x').warning('two')
    assert (tmp_path / 'it.log').read_text() == 'D one\nC two\n'


def test_a_format_that_is_none_is_refused_by_its_name(configured):
    with pytest.raises(OSError, match='context_format'):
        configured('[log]', 'context_format = %(message')


def test_files_are_rotated_and_only_so_many_kept(configured, tmp_path):
    configured('[log]', f'file = {tmp_path}/it.log', 'rotate_mb = 1', 'keep = 3')
    for _ in range(6 * 1024):
        logging.getLogger('x').warning('x' * 1024)
    assert len(list(tmp_path.glob('it.log*'))) == 4


def test_syslog_gets_the_facility_that_was_asked_for(configured, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / 'log'))
        listener.settimeout(5)
        made = logging.handlers.SysLogHandler
        monkeypatch.setattr(
            logging.handlers, 'SysLogHandler', lambda _path, facility: made(str(tmp_path / 'log'), facility)
        )
        configured('[log]', 'file = syslog', 'facility = local3')
        logging.getLogger('x').warning('it')
        # local3 (19) * 8 + warning (4); the daemon's name as syslog finds it, and no time, which it tells itself
        assert listener.recv(4096).rstrip(b'\0') == f'<156>nimbus[{os.getpid()}]: WARNING x [-] it'.encode()


def test_the_journal_is_told_how_severe_each_line_is(tmp_path):
    script = (
        'import logging\nfrom nimbus.common import log\nlog.setup()\nlogger = logging.getLogger("x")\n'
        'logger.info("one")\nlogger.warning("two")\n'
        'try:\n    1 / 0\nexcept ZeroDivisionError:\n    logger.exception("three")\n'
    )
    with open(tmp_path / 'err', 'w+') as stream:
        told = os.fstat(stream.fileno())
        for journal in (f'{told.st_dev}:{told.st_ino}', f'{told.st_dev}:1'):
            environment = {**os.environ, 'JOURNAL_STREAM': journal}
            subprocess.run([sys.executable, '-c', script], stderr=stream, check=True, env=environment)
        stream.seek(0)
        said = stream.read().splitlines()
    half = len(said) // 2
    assert [line[:3] for line in said[:half]] == ['<6>', '<4>', *['<3>'] * (half - 2)]
    assert said[0].endswith('INFO x [-] one') and said[half - 1] == '<3>ZeroDivisionError: division by zero'
    assert not any(line.startswith('<') for line in said[half:])  # standard error leads elsewhere


def test_a_broker_that_is_away_is_told_once_a_minute(monkeypatch):
    now, spare = [100.0], log.RateLimit()
    monkeypatch.setattr(log.time, 'monotonic', lambda: now[0])

    def say(name, line, text):
        record = logging.LogRecord(name, logging.ERROR, 'f.py', line, text, ('%',), None)
        return record.getMessage() if spare.filter(record) else None

    away = 'oslo.messaging._drivers.impl_rabbit', 7, 'unreachable %s'
    assert [say(*away) for _ in range(3)] == ['unreachable %', None, None]
    assert say(away[0], 8, 'other %s') == 'other %'
    assert [say('nimbus.x', 7, 'ours %s') for _ in range(2)] == ['ours %', 'ours %']
    now[0] += log.SPARED
    assert say(*away) == 'unreachable % (2 more like it were left out)'
    assert say(*away) is None
