"""What is decided about a cloud's folder at the first run, and found again at the next."""

import pathlib
import shutil
import tempfile

import pytest

from devstack import arguments, packages, ports, settings
from devstack.processes import Registry
from devstack.progress import Unable


@pytest.fixture
def short():
    """A folder whose path is short enough for a cloud."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='n-', dir='/var/tmp'))
    yield folder
    shutil.rmtree(folder)


def up(state, *words: str):
    """The place that devstack/up would use for these words."""
    return arguments.place(arguments.up().parse_args(['--state', str(state), *words]))


def test_a_later_run_needs_no_options(short):
    up(short, '--daemons', '--database', 'postgresql', '--port-offset', '7')
    again = up(short)
    assert (again.choices.form, again.choices.database, again.port('identity')) == ('daemons', 'postgresql', 5007)


def test_daemons_have_a_database_server_even_when_none_is_named(short):
    assert up(short, '--daemons').choices.database == 'mariadb'


def test_a_database_server_means_daemons(short):
    assert up(short, '--database', 'postgresql').choices.form == 'daemons'


def test_the_form_of_a_folder_cannot_change(short):
    up(short)
    with pytest.raises(Unable, match='holds a cloud of the form embedded on sqlite; run devstack/down --purge first'):
        up(short, '--daemons')


def test_a_path_too_long_for_sockets_is_refused(short):
    with pytest.raises(Unable, match='is too long for unix sockets below it; 40 characters are allowed'):
        up(short / ('x' * 40))


def test_a_secret_is_made_once_and_only_its_owner_reads_it(short):
    where = up(short)
    assert where.secret('demo') == where.secret('demo') != where.secret('admin')
    assert [where.secret_file(name).stat().st_mode & 0o777 for name in ('demo', 'admin')] == [0o600, 0o600]


@pytest.mark.parametrize(
    'words, form',
    [((), ['python', 'base', 'guest']), (('--daemons',), ['python', 'base', 'guest', 'daemons', 'mariadb'])],
)
def test_only_the_packages_of_the_form_are_wanted(short, words, form):
    assert arguments.groups(arguments.up().parse_args(['--state', str(short), *words])) == form


def test_a_package_that_several_groups_name_is_wanted_once():
    names = packages.wanted(['base', 'guest', 'daemons', 'mariadb', 'postgresql', 'test', 'python'])
    assert len(names) == len(set(names)) and {'gcc', 'rabbitmq-server', 'busybox-static'} <= set(names)


def test_an_unknown_group_of_packages_is_named():
    with pytest.raises(Unable, match=r'packages.txt has no group games; it has .*base'):
        packages.wanted(['games'])


def test_an_agents_configuration_holds_no_database_password(short):
    where = up(short, '--daemons')
    settings.write(where, 'unix:/x', 'qemu:///system', 'netdev')
    told = ''.join(file.read_text() for file in settings.files(where, agent=True))
    assert where.secret('database') not in told and where.secret('rabbitmq-nimbus') not in told
    assert where.secret('database') in ''.join(file.read_text() for file in settings.files(where))


def test_the_configuration_changes_only_when_a_choice_does(short):
    where = up(short, '--daemons')
    written = [settings.write(where, 'unix:/x', uri, 'netdev') for uri in ('one', 'one', 'two')]
    assert written == [True, False, True]


def test_a_folder_with_other_things_in_it_is_left_alone(short):
    (short / 'thesis.txt').write_text('years of work')
    with pytest.raises(Unable, match='is not the folder of a cloud: it holds other things'):
        arguments.groups(arguments.up().parse_args(['--state', str(short)]))
    assert [path.name for path in short.iterdir()] == ['thesis.txt']


@pytest.mark.parametrize('word', ['70000', '-1', '1.5', '٣', 'many'])
def test_an_offset_that_makes_no_port_is_refused(word, capsys):
    with pytest.raises(SystemExit):
        arguments.up().parse_args([f'--port-offset={word}'])
    assert f'{word} is no number from 0 to 38863' in capsys.readouterr().err


def test_asking_which_packages_are_needed_writes_nothing(short):
    state = short / 'state'
    arguments.groups(arguments.up().parse_args(['--state', str(state)]))
    assert not state.exists()


def test_a_disk_that_is_too_full_for_a_cloud_is_told(short, monkeypatch):
    monkeypatch.setattr(arguments.shutil, 'disk_usage', lambda path: shutil._ntuple_diskusage(0, 0, 58 << 20))
    with pytest.raises(Unable, match=r'the cloud need about \d+ MiB in .*, where 58 MiB are free'):
        arguments.groups(arguments.up().parse_args(['--state', str(short / 'state')]))


def test_several_hosts_are_a_form_of_its_own_whose_nodes_have_addresses_of_their_own(short):
    options = arguments.up().parse_args(['--state', str(short), '--hosts', '3'])
    where = arguments.place(options)
    assert (where.choices.form, where.choices.hosts) == ('hosts', 3)
    assert where.url('identity') == 'http://10.198.0.11:5000' and ports._wanted(where, Registry(short)) == []
    assert arguments.groups(options) == ['python', 'base', 'guest', 'fresh']
    assert arguments.place(arguments.up().parse_args(['--state', str(short)])).choices.form == 'hosts'


@pytest.mark.parametrize('word', ['0', '9', '-1', 'two'])
def test_a_number_of_hosts_that_no_machine_bears_is_refused(word, capsys):
    with pytest.raises(SystemExit):
        arguments.up().parse_args([f'--hosts={word}'])
    assert f'{word} is no number from 1 to 8' in capsys.readouterr().err
