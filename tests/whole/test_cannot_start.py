"""A cloud in one process that cannot start says why in a sentence."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The hypervisor cannot be opened, which is found out when most of the cloud runs already.
HALF = """
[DEFAULT]
state_path = {path}
bus = inproc:///half
[api]
identity_port = 0
compute_port = 0
metadata_port = 0
network_port = 0
image_port = 0
volume_port = 0
placement_port = 0
[network]
driver = fake
[volume]
driver = fake
[libvirt]
uri = qemu:///embed?root=nowhere
"""
UP = 'import sys; from nimbus.cmd import embedded; sys.exit(embedded.main(sys.argv[1:]))'


@pytest.mark.parametrize(
    'lines, told',
    [
        ('[federation]\nassertion_prefix = X_\n', 'only when [federation] has both an assertion_prefix and'),
        ('[api]\nclient_certificate_header = X-C\n', 'client_certificate_header needs trusted_fronts'),
        ('[api]\nport_offset = none\n', 'port_offset'),
    ],
)
def test_what_is_configured_wrong_is_named(tmp_path, lines, told):
    conf = tmp_path / 'nimbus.conf'
    conf.write_text(lines)
    words = ['--fake', '--state', str(tmp_path / 'state'), '--config-file', str(conf)]
    ran = subprocess.run([sys.executable, '-c', UP, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.startswith('nimbus cannot start: ') and told in ran.stderr
    assert 'Traceback' not in ran.stderr


@pytest.mark.parametrize('room', ['embedded', 'compute'])
def test_a_start_that_fails_half_way_ends_the_process_and_says_why_last(tmp_path, room):
    pytest.importorskip('libvirt')
    conf = tmp_path / 'nimbus.conf'
    conf.write_text(HALF.format(path=tmp_path))
    words = ['-c', UP] if room == 'embedded' else ['-m', f'nimbus.cmd.daemons.{room}']
    told = ['--config-file', str(conf)]
    ran = subprocess.run([sys.executable, *words, *told], cwd=ROOT, capture_output=True, text=True, timeout=60)
    program = 'nimbus' if room == 'embedded' else f'nimbus-{room}'
    last = ran.stderr.splitlines()[-1]
    assert ran.returncode == 1
    assert last.startswith(f'{program} cannot start: ') and 'root=nowhere names no absolute root folder' in last
    assert 'Traceback' not in ran.stderr


@pytest.mark.parametrize(
    'words, code, told',
    [
        (['--port-offset', '70000'], 1, 'the port of identity is 75000; it can be 0 to 65535'),
        (['--port-offset', '-9000'], 1, 'the port of identity is -4000'),
        (['--hosts', '0'], 2, '0 is no whole number from 1'),
        (['--hosts', '-1'], 2, '-1 is no whole number from 1'),
    ],
)
def test_numbers_that_make_no_cloud_are_refused(tmp_path, words, code, told):
    more = ['--fake', '--state', str(tmp_path), *words]
    ran = subprocess.run([sys.executable, '-c', UP, *more], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == code and told in ran.stderr and 'Traceback' not in ran.stderr
