"""Turns a subunit stream on standard input into a line of JSON for each test; runs in tempest's own environment."""

import json
import sys

import subunit
from testtools import StreamSummary, StreamToDict
from testtools.testresult.real import CopyStreamResult

STATUSES = {
    'success': 'passed',
    'fail': 'failed',
    'skip': 'skipped',
    'inprogress': 'failed',
    'xfail': 'passed',
}


def tell(test: dict) -> None:
    """One test's outcome stands on standard output."""
    texts = {name: content.as_text() for name, content in test['details'].items() if 'log' not in name}
    why = texts.get('reason') or texts.get('traceback') or ''
    row = {'id': test['id'].partition('[')[0], 'status': STATUSES.get(test['status'], 'failed'), 'why': why}
    print(json.dumps(row))


def main() -> None:
    """Every test of the stream has been told."""
    result = CopyStreamResult([StreamToDict(tell), StreamSummary()])
    result.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name='stdout').run(result)
    result.stopTestRun()


if __name__ == '__main__':
    main()
