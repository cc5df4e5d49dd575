"""The style of the code, checked: sizes, sentences, time, processes, and what a repository may not name.

The lists of exceptions may only shrink: one that is not needed any more fails as well.
"""

import ast
import re

from tests.house import source

LONG, TOO_LONG = 400, 600
# Why a file may have more than 400 lines.
LONG_FILES = {
    'nimbus/api/compute/microversions.py': 'one entry for each microversion; a published history in one piece',
    'nimbus/api/network/extension_table.py': 'one entry for each extension; a published list in one piece',
}
LONGEST = 40  # lines of a function
# Why a function may have more.
LONG_FUNCTIONS = {
    'tests/drivers/test_guest_image.py:network': 'one network, set up and taken down around the test',
    'tests/drivers/test_network_repair.py:test_what_was_deleted_by_hand_is_mended': 'one thing deleted after another',
    'tests/wire/foreign/tenants.py:settle_whole': 'one of everything that a request can name',
    'tests/wire/identity/personas.py:home': 'one of everything that a domain has',
    'tests/wire/identity/roles/test_personas.py:body_of': 'a body for each kind of request',
}
# Tests of real processes and kernels have no clock to move, so they look, wait a moment and look again.
WAITING_TESTS = {
    'tests/agents/test_compute_agent.py': 'threads of an agent over a real bus',
    'tests/agents/test_network_agent.py': 'threads of an agent over a real bus',
    'tests/agents/test_volume_agent.py': 'threads of an agent over a real bus',
    'tests/bus_suite.py': 'messages of a real bus',
    'tests/cloud.py': 'threads of a whole cloud',
    'tests/drivers/compute_rigs.py': 'QEMU',
    'tests/drivers/netlab.py': 'namespaces and guests of the kernel',
    'tests/drivers/test_network_repair.py': 'killing daemons at another moment each time',
    'tests/drivers/test_network_real.py': 'packets',
    'tests/whole/test_processes.py': 'processes of a whole cloud',
    'tests/wire/identity/slapd.py': 'a directory server of its own',
}
NOW_IS_TOLD_BY = 'nimbus/common/clock.py'
# Pieces, so that this file does not name what it looks for.
UNTOLD = re.compile('|'.join(('(?<![\\w.$}])/wo' + 'rk/', '/opt/py' + 'pi', 'index' + '-url', 'trusted' + '-host')))


def test_files_stay_short():
    sizes = {
        source.name_of(path): len(path.read_text().splitlines())
        for path in source.python()
        if 'migrations/versions' not in source.name_of(path)  # written by a tool, read once
    }
    assert {name: size for name, size in sizes.items() if size > TOO_LONG} == {}
    assert {name for name, size in sizes.items() if size > LONG} == set(LONG_FILES)


def test_functions_stay_short():
    long = {
        f'{source.name_of(path)}:{node.name}'
        for path in source.python()
        if 'migrations/versions' not in source.name_of(path)
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= LONGEST
    }
    assert long == set(LONG_FUNCTIONS)


def test_every_module_says_what_it_is_for():
    mute = [
        source.name_of(path)
        for path in source.python()
        if path.read_text().strip() and not ast.get_docstring(source.tree(path))
    ]
    assert mute == []


def test_a_docstring_begins_with_a_whole_sentence():
    bad = []
    for path in source.python('nimbus', 'bench', 'devstack'):
        first = (ast.get_docstring(source.tree(path)) or '.').split('\n\n')[0]
        if not first.rstrip().endswith(('.', ':', '?', '!')):
            bad.append(f'{source.name_of(path)}: {first[:60]}')
    assert bad == []


def test_no_shell_is_ever_asked():
    bad = []
    for path in source.python():
        for call in source.calls(path):
            shell = any(
                k.arg == 'shell' and not (isinstance(k.value, ast.Constant) and k.value.value is False)
                for k in call.keywords
            )
            named = ast.unparse(call.func)
            if shell or named in ('os.system', 'os.popen', 'subprocess.getoutput', 'subprocess.getstatusoutput'):
                bad.append(f'{source.name_of(path)}:{call.lineno} {named}')
    assert bad == []


def test_only_the_clock_tells_the_time_of_day():
    told = {'now', 'utcnow', 'today', 'utcfromtimestamp'}
    bad = []
    for path in source.python('nimbus'):
        if source.name_of(path) == NOW_IS_TOLD_BY:
            continue
        for call in source.calls(path):
            named = ast.unparse(call.func)
            zoned = bool(call.args or call.keywords)
            head, _, tail = named.rpartition('.')
            if tail in told and head.endswith(('datetime', 'date')) and not (zoned and tail == 'now'):
                bad.append(f'{source.name_of(path)}:{call.lineno} {named}')
    assert bad == []


def test_tests_do_not_sleep():
    sleeping = {
        source.name_of(path)
        for path in source.python('tests')
        for call in source.calls(path)
        if ast.unparse(call.func) in ('time.sleep', 'sleep')
    }
    sleeping = {name for name in sleeping if not name.startswith(('tests/real/', 'tests/chaos/', 'tests/tempest/'))}
    assert sleeping == set(WAITING_TESTS)


def test_nothing_names_a_place_of_one_machine():
    bad = [f'{name}: {found[0]}' for name, text in source.texts() if (found := UNTOLD.search(text))]
    assert bad == []


# What reads a number or a time of its own, by what it does, and where that is right.
READERS = frozenset({'isdigit', 'isdecimal', 'isnumeric', 'fromisoformat', 'strptime', 'astimezone', 'parse_isotime'})
READS_OF_ITS_OWN = {
    'nimbus/api/kit/versions.py': 'a version, whose form a pattern of few digits has said',
    'nimbus/api/compute/flavors.py': 'rxtx_factor, a fraction, whose form its shape has said',
    'nimbus/api/identity/oauth/oauth2.py': 'how long its own token lives',
    'nimbus/api/network/ports.py': 'the hexadecimal digits of a hardware address that was taken as one',
    'nimbus/identity/key_repository.py': 'names of files',
    'nimbus/identity/tokens/token_cache.py': 'an option, and a time that it wrote itself',
    'nimbus/identity/saml/trust.py': 'times of SAML, which are of UTC or refused',
}
NOUNS = ('nimbus/compute', 'nimbus/identity', 'nimbus/image', 'nimbus/network', 'nimbus/volume')


def test_requests_have_one_reader_of_numbers_and_one_of_times():
    bad = set()
    for path in source.python('nimbus/api', *NOUNS):
        name = source.name_of(path)
        if '/agent/' in name:
            continue
        for node in ast.walk(source.tree(path)):
            own = isinstance(node, ast.Attribute) and node.attr in READERS
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('int', 'float')
            handed = (
                isinstance(node, ast.keyword) and isinstance(node.value, ast.Name) and node.value.id in ('int', 'float')
            )
            if own or name.startswith('nimbus/api/') and (called or handed):
                bad.add(name)
    assert bad == set(READS_OF_ITS_OWN)


def test_a_sum_of_the_databases_is_a_whole_number():
    """It is a decimal on MariaDB, which no JSON takes, unless `db.total` makes it."""
    found = [source.name_of(path) for path in source.python() if re.search(r'func\.(sum|avg)\(', path.read_text())]
    assert [name for name in found if name.startswith('nimbus/')] == ['nimbus/common/database/db.py']
