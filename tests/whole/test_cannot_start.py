"""A cloud in one process that cannot start says why in a sentence."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
