"""Why a token is refused: nothing of it in the answer, and all of it in the operator's log."""

import logging
import re

import pytest

from nimbus.api.kit import wsgi
from nimbus.common import errors, log
from nimbus.common.parts import Parts
from nimbus.identity import key_repository, revocations
from nimbus.identity.models import Project, User


def foreign(world, tmp_path):
    """A token that another cloud's key made."""
    key_repository.setup(tmp_path / 'foreign')
    there = world.another()
    there.keys = key_repository.KeyRing(tmp_path / 'foreign')
    return there.encode(world.validator.read(world.login()))


def expired(world, _path):
    token = world.login()
    world.clock.advance(3600)
    return token


def revoked(world, _path):
    token = world.login()
    with world.db.write() as tx:
        revocations.revoke(tx, 'audit', world.validator.read(token).audit_ids[0])
    return token


def without_user(world, _path):
    token = world.login()
    with world.db.write() as tx:
        tx.update(User, User.name == 'admin', enabled=False)
    return token


def without_project(world, _path):
    token = world.login()
    with world.db.write() as tx:
        tx.update(Project, Project.name == 'admin', enabled=False)
    return token


REASONS = [
    (lambda _world, _path: 'no token!', r'This is no token\.'),
    (foreign, r'No key of this host decrypts the token\.'),
    (expired, r'The token of user \w{32} expired at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.'),
    (revoked, r'The token of user \w{32} was revoked: audit \S+ was changed at \S+Z\.'),
    (without_user, r'User \w{32} or the domain of the user is gone or disabled\.'),
    (without_project, r'The project \w{32} or its domain is gone or disabled\.'),
]


@pytest.mark.parametrize('make, reason', REASONS)
def test_the_log_says_why_a_token_is_refused_and_the_answer_does_not(world, tmp_path, caplog, make, reason):
    token = make(world, tmp_path)
    fresh = world.another()  # as after a restart: nothing is remembered
    fresh.poll()
    assert re.fullmatch(reason, refused(fresh, token, caplog))


def test_the_log_says_so_of_the_token_of_a_service_too(world, caplog):
    said = refused(world.validator, world.login(), caplog, HTTP_X_SERVICE_TOKEN='no token!')
    assert said == 'Of the service beside the user: This is no token.'


def refused(validator, token, caplog, **more):
    """What the log says of a request with the token, whose answer is the same for every reason."""
    seen = {}
    parts = Parts(conf=None, db=None, bus=None, clock=None, tokens=validator)
    caplog.set_level(logging.INFO, logger='nimbus.api.kit.wsgi')
    wsgi.Auth(lambda environ, _start: seen.update(environ) or [], parts)(
        {'HTTP_X_AUTH_TOKEN': token, 'nimbus.request_id': 'req-1', 'REQUEST_METHOD': 'GET', **more}, None
    )
    (record,) = caplog.records
    assert log.Formatter('%(message)s').format(record) == record.getMessage()  # nothing of it is taken for a secret
    assert wsgi.AT_WORK not in seen and record.request_id == 'req-1' and token not in record.getMessage()
    with pytest.raises(errors.Unauthenticated) as why:
        validator.validate(token, service_token=more.get('HTTP_X_SERVICE_TOKEN'))
    assert str(why.value) == 'The request you have made requires authentication.'
    return record.getMessage().removeprefix('The token is refused: ')
