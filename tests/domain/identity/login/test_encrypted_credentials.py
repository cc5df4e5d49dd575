"""Credentials in the database: encrypted, and decrypted by whichever key encrypted them."""

import pytest
import sqlalchemy as sa

from nimbus.cmd.manage import manage
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import key_repository
from nimbus.identity.login import credentials
from nimbus.identity.login.encryption import Encryption
from nimbus.identity.models import Credential
from nimbus.identity.people import projects, users

SECRET = 'a seed nobody may read'


def add(world, **values):
    with world.db.write() as tx:
        return credentials.create(tx, {'user_id': 'u', 'type': 'totp', 'blob': SECRET} | values, {})


def stored(world):
    with world.db.read() as tx:
        return [(row.blob, row.key_name) for row in tx.rows(sa.select(Credential).order_by(Credential.seq))]


def test_a_blob_is_never_written_in_the_clear(world):
    add(world)
    assert SECRET not in stored(world)[0][0]
    with world.db.read() as tx:
        assert [row.blob for row in credentials.of_user(tx, 'u', 'totp')] == [SECRET]
        assert credentials.of_user(tx, 'u', 'cert') == []
        assert SECRET not in repr(credentials.of_user(tx, 'u'))


def test_credentials_follow_their_keys(world):
    repository = world.settings.credential_key_repository
    add(world)
    key_repository.rotate(repository, 0)
    add(world)
    encryption = Encryption(repository)
    with world.db.read() as tx:
        assert [row.blob for row in credentials.of_user(tx, 'u')] == [SECRET, SECRET]
        assert credentials.left_behind(tx, encryption) == 1
    with world.db.write() as tx:
        assert credentials.migrate(tx, encryption) == 1
        assert credentials.left_behind(tx, encryption) == 0
    names = {name for _, name in stored(world)}
    assert names == {encryption.key_name()}


def test_without_its_key_a_credential_is_not_read_and_none_is_kept(world, tmp_path):
    add(world)
    key_repository.setup(tmp_path / 'others')
    world.db.encryption = Encryption(tmp_path / 'others')
    with world.db.read() as tx, pytest.raises(errors.Unavailable):
        credentials.of_user(tx, 'u')
    world.db.encryption = Encryption('')
    with pytest.raises(errors.Unavailable):
        add(world)


def test_a_user_has_as_many_as_are_allowed(world):
    add(world)
    with world.db.write() as tx, pytest.raises(errors.Forbidden, match='maximum of 1 already exceeded'):
        credentials.create(tx, {'user_id': 'u', 'type': 'totp', 'blob': 'x'}, {}, limit=1)


def test_credentials_go_with_their_user_and_project(world):
    add(world, user_id='u1')
    add(world, user_id='u2', project_id='p')
    with world.db.write() as tx:
        users.forget(tx, 'u1')
        projects.forget(tx, 'p')
    assert stored(world) == []


def test_an_operator_rotates_only_what_is_migrated(tmp_path, capsys):
    conf = tmp_path / 'nimbus.conf'
    conf.write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n')

    def run(*verb):
        return manage.main(['--config-file', str(conf), *verb])

    assert run('db', 'upgrade') == run('credential', 'setup') == 0
    database = db.Database(f'sqlite:///{tmp_path}/nimbus.db')
    database.encryption = Encryption(tmp_path / 'credential-keys')
    with database.write() as tx:
        credentials.create(tx, {'user_id': 'u', 'type': 'totp', 'blob': SECRET}, {})
    assert run('credential', 'rotate') == 0
    assert run('credential', 'rotate') == 1
    assert 'run "credential migrate" first' in capsys.readouterr().err
    assert run('credential', 'migrate') == run('credential', 'rotate') == 0
    assert '1 credentials were encrypted anew.' in capsys.readouterr().out
    with database.read() as tx:
        assert credentials.of_user(tx, 'u')[0].blob == SECRET
    database.close()
