"""The keys that nimbus-manage makes, and which of them each process is given."""

import pytest

from nimbus.cmd import services
from nimbus.cmd.manage import manage
from nimbus.common import config, errors
from nimbus.identity.options import Settings
from nimbus.identity.tokens import public_keys, signing
from tests.domain.identity.tokens.test_signing import claims


@pytest.fixture
def file(tmp_path):
    """A nimbus.conf with a state folder of its own."""
    path = tmp_path / 'nimbus.conf'
    path.write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n')
    return path


def run(file, *words):
    return manage.main(['--config-file', str(file), 'token', *words])


def settings(file):
    return Settings.of(config.load([], 'test', [str(file)]))


def test_the_format_is_told_or_configured(file, tmp_path):
    assert run(file, 'setup') == 0
    assert not (tmp_path / 'token-signing-keys').exists()
    assert run(file, 'setup', '--format', 'jws') == 0
    keys = {path.name: path.read_bytes() for path in (tmp_path / 'token-signing-keys').glob('[0-9]')}
    assert set(keys) == {'0', '1'}
    file.write_text(file.read_text() + '[identity]\ntoken_format = jws\n')
    assert run(file, 'rotate') == 0
    assert (tmp_path / 'token-signing-keys' / '2').read_bytes() == keys['0']
    assert (tmp_path / 'token-keys' / '1').exists() and not (tmp_path / 'token-keys' / '2').exists()


def test_a_rotation_by_command_ends_no_live_token(file, tmp_path):
    run(file, 'setup', '--format', 'jws')
    signer = signing.SigningKeys(settings(file).jws_key_repository)
    token = signer.sign(claims())
    for _ in range(3):
        assert run(file, 'rotate', '--format', 'jws') == 0
    signer.refresh()
    assert signer.verify(token) is not None


def test_rotating_what_was_never_set_up_fails_with_a_sentence(file, capsys):
    assert run(file, 'rotate', '--format', 'jws') == 1
    assert 'run the setup first' in capsys.readouterr().err


def test_identity_signs_and_a_service_only_checks(file, tmp_path):
    file.write_text(file.read_text() + '[identity]\ntoken_format = jws\n')
    conf = config.load([], 'test', [str(file)])
    signer, checker = services.token_signer(settings(file)), services.token_checker(conf, settings(file))
    assert signer.verify(signer.sign(claims())) is not None
    assert isinstance(checker, public_keys.PublishedKeys)
    with pytest.raises(errors.Unavailable):
        checker.sign(claims())


def test_where_no_token_was_ever_signed_no_key_is_fetched(file):
    conf = config.load([], 'test', [str(file)])
    assert services.token_checker(conf, settings(file)) is None
