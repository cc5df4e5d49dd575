"""The README's commands for a cloud of fakes, by an ordinary user who has python3-venv alone; the tests are steps."""

import pytest

from tests.fresh.newcomer import told

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
HEADING = 'A cloud for your own tests'
# Begun, asked how it is, ended as by Ctrl-C, and asked once more.
LIFE = """
{up} >up.log 2>&1 & cloud=$!
until grep -q export up.log; do kill -0 $cloud || {{ cat up.log; exit 9; }}; sleep 0.2; done
v/bin/nimbus status 2>&1 | tail -1
eval "$(grep export up.log)"
v/bin/nimbus status
kill $cloud; wait $cloud; echo "ended with $?"
v/bin/nimbus status
"""


def test_the_installation_needs_no_root_and_no_compiler(ordinary):
    for line in told(HEADING)[:-1]:
        ordinary.types(line)
    assert not ordinary.has('/usr/bin/gcc')


def test_numbers_that_make_no_cloud_are_refused(ordinary):
    up = told(HEADING)[-1]
    assert '0 is no whole number from 1' in ordinary.fails(f'{up} --hosts 0', 2)
    assert 'it can be 0 to 65535' in ordinary.fails(f'{up} --port-offset 70000')


def test_the_real_thing_is_refused_with_a_hint(ordinary):
    assert 'run it as root, or `nimbus up --fake`' in ordinary.fails('v/bin/nimbus up')


def test_a_cloud_of_fakes_comes_up_says_how_it_is_and_goes(ordinary):
    lines = ordinary.tries(LIFE.format(up=told(HEADING)[-1])).stdout.splitlines()
    assert 'export OS_CLIENT_CONFIG_FILE=/home/ada/.local/state/nimbus-fake/clouds.yaml' in lines[0], lines
    assert 'parts are up.' in lines[-3] and not any(line.startswith('DOWN') for line in lines), lines
    assert lines[-2:] == ['ended with 0', 'The cloud cannot be asked: 127.0.0.1:5000 does not answer.'], lines
