"""What is taken over from a directory, and what it costs a cloud that has none."""

import hashlib
import subprocess
import sys

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.identity.ldap.entries import Entry
from nimbus.identity.models import User
from nimbus.identity.people import shadow_users, users
from nimbus.identity.settings.ldap import Ldap

ANN = Entry('uid=ann,dc=x', 'ann', 'ann', extra={'email': 'ann@x'})


def names(tx):
    return dict(tx.rows(sa.select(User.name, User.id).where(User.password_hash.is_(None))))


def test_a_public_id_follows_from_where_the_user_is(world):
    wanted = hashlib.sha256(b'default' + b'user' + b'ann').hexdigest()
    with world.db.write() as tx:
        assert shadow_users.keep_user(tx, 'default', ANN) == wanted
        assert shadow_users.keep_user(tx, 'default', ANN) == wanted
        assert shadow_users.keep_group(tx, 'default', ANN) != wanted
        assert (shadow_users.mapped(tx, wanted).kind, shadow_users.mapped(tx, wanted).local_id) == ('user', 'ann')


def test_a_name_that_moves_on_goes_with_the_directory(world):
    with world.db.write() as tx:
        first = shadow_users.keep_user(tx, 'default', ANN)
        second = shadow_users.keep_user(tx, 'default', Entry('uid=a2,dc=x', 'a2', 'ann'))
        assert names(tx) == {'ann': second}
        shadow_users.keep_user(tx, 'default', Entry('uid=ann,dc=x', 'ann', 'anna'))
        assert names(tx) == {'ann': second, 'anna': first}


def test_a_user_of_the_clouds_own_keeps_the_name(world):
    with world.db.write() as tx:
        own = users.create(tx, {'name': 'ann', 'domain_id': 'default'}, {}, 'hash')
        with pytest.raises(errors.Conflict):
            shadow_users.keep_user(tx, 'default', ANN)
        assert users.show(tx, own).password_hash == 'hash'
        users.update(tx, own, {'name': 'other'}, {})


def test_only_the_directorys_own_is_dropped(world):
    with world.db.write() as tx:
        kept = shadow_users.keep_user(tx, 'default', ANN)
        shadow_users.keep_user(tx, 'default', Entry('uid=ben,dc=x', 'ben', 'ben'))
        own = users.create(tx, {'name': 'own', 'domain_id': 'default'}, {}, 'hash')
        shadow_users.drop_others(tx, 'default', 'user', {kept})
        assert names(tx) == {'ann': kept}
        assert users.show(tx, own).name == 'own'


@pytest.mark.parametrize(
    'told, wanted',
    [({'use_tls': 'true'}, True), ({'use_tls': 1}, True), ({'use_tls': 'False'}, False), ({}, False)],
)
def test_a_truth_is_read_as_one(told, wanted):
    assert Ldap().overlaid(told).use_tls is wanted


def test_a_value_of_another_kind_is_not_guessed_at():
    for told in ({'use_tls': 'perhaps'}, {'page_size': 'x'}):
        with pytest.raises(errors.Unavailable):
            Ldap().overlaid(told)


def test_a_password_is_in_no_text():
    assert 'hidden' not in repr(Ldap(password='hidden'))


def test_a_cloud_without_a_directory_does_not_load_ldap3():
    code = 'import sys, nimbus.identity.login.auth; sys.exit("ldap3" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
