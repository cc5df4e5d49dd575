"""Lines of the log: the field's format, whose request they are of, and no secret."""

import logging

from nimbus.common import log


def lines(*said, about=('req-1', 'server-1')):
    """What the formatter makes of messages, within a request."""
    made = []
    handler = logging.Handler()
    handler.addFilter(log.Facts())
    handler.setFormatter(log.Formatter(log.FORMAT, '%Y-%m-%d %H:%M:%S'))
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
