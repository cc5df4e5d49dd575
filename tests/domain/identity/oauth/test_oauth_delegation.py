"""OAuth 1 without HTTP: ends, races, secrets under the keys of credentials, and what is forgotten in time."""

import concurrent.futures
import dataclasses
import subprocess
import sys

import pytest
import sqlalchemy as sa
from oauthlib import oauth1 as client

from nimbus.common import errors
from nimbus.identity import key_repository
from nimbus.identity.login import credentials
from nimbus.identity.login.encryption import Encryption
from nimbus.identity.login.proofs import Asked
from nimbus.identity.models import Project, User
from nimbus.identity.models_oauth import AccessToken, Nonce, RequestToken
from nimbus.identity.oauth import oauth1, oauth1_consumers, oauth1_tokens

URL = 'http://cloud/v3/anywhere'
LOGIN = {'methods': ['oauth1'], 'oauth1': {}}
DAY = 86400


@dataclasses.dataclass
class Deal:
    """A consumer, and the administrator who lends it the role reader."""

    world: object
    consumer_id: str
    secret: str
    user_id: str
    project_id: str

    def asked(self, token=None, **more):
        """A request, signed."""
        by = {'resource_owner_key': token.id, 'resource_owner_secret': token.secret} if token else {}
        signer = client.Client(self.consumer_id, client_secret=self.secret, **by, **more)
        return Asked(url=URL, headers=signer.sign(URL, http_method='POST')[1])

    def ask(self, life=DAY):
        with self.world.db.write() as tx:
            return oauth1_tokens.ask(tx, self.consumer_id, self.project_id, life, self.world.clock.now())

    def agree(self, made):
        with self.world.db.write() as tx:
            row = oauth1_tokens.request(tx, made.id, self.world.clock.now())
            return oauth1_tokens.authorize(tx, row, self.user_id, [{'name': 'reader'}])

    def exchange(self, made, verifier, life=DAY):
        with self.world.db.read() as tx:
            signed = oauth1.exchanging(tx, self.asked(made, verifier=verifier), self.world.clock.now())
        with self.world.db.write() as tx:
            oauth1.spend(tx, signed, self.world.clock.now())
            return oauth1_tokens.exchange(tx, signed.token, life, self.world.clock.now())

    def access(self, life=DAY):
        made = self.ask()
        return self.exchange(made, self.agree(made), life)

    def login(self, access):
        return self.world.authority.login(LOGIN, asked=self.asked(access))

    def count(self, model):
        with self.world.db.read() as tx:
            return tx.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.fixture
def deal(world):
    oauth1.enrol(world.authority, world.db)
    with world.db.write() as tx:
        consumer_id, secret = oauth1_consumers.create(tx, None, {})
        user_id = tx.scalar(sa.select(User.id).where(User.name == 'admin'))
        project_id = tx.scalar(sa.select(Project.id).where(Project.name == 'admin'))
    return Deal(world, consumer_id, secret, user_id, project_id)


def test_a_request_token_ends(world, deal):
    made = deal.ask(60)
    verifier = deal.agree(made)
    forever = deal.ask(0)
    assert forever.expires_at is None
    world.clock.advance(61)
    for late in (lambda: deal.agree(made), lambda: deal.exchange(made, verifier)):
        with pytest.raises(errors.Unauthenticated, match='Request token is expired'):
            late()
    world.clock.advance(100 * DAY)
    assert deal.exchange(forever, deal.agree(forever), 0).expires_at is None


def test_an_access_token_ends_and_its_tokens_with_it(world, deal):
    access = deal.access(60)
    token, subject = deal.login(access)
    assert subject.claims.expires_at == access.expires_at
    assert world.validator.validate(token).roles == ('reader',)
    world.clock.advance(61)
    with pytest.raises(errors.Unauthenticated):
        world.validator.validate(token)
    with pytest.raises(errors.Unauthenticated, match='Access token is expired'):
        deal.login(access)
    token, subject = deal.login(deal.access(0))
    assert (subject.claims.expires_at - world.clock.now()).total_seconds() == world.settings.token_expiration


def test_who_has_seen_a_token_hears_of_its_end_within_a_second(world, deal):
    def alive():
        try:
            return bool(elsewhere.validate(token))
        except errors.Unauthenticated:
            return False

    for end in (oauth1_tokens.delete, oauth1_consumers.delete):
        access = deal.access()
        token, elsewhere = deal.login(access)[0], world.another()
        assert alive() and alive()
        with world.db.write() as tx:
            end(tx, access.id if end is oauth1_tokens.delete else deal.consumer_id)
        world.clock.advance(1)
        assert not alive()


def test_of_two_who_exchange_a_request_token_one_gets_the_access_token(world, deal):
    made = deal.ask()
    verifier = deal.agree(made)

    def attempt(_):
        try:
            return deal.exchange(made, verifier).id
        except errors.NotFound:
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = [one for one in pool.map(attempt, range(8)) if one]
    assert len(got) == 1 == deal.count(AccessToken) and deal.count(RequestToken) == 0


def test_an_exchange_that_fails_leaves_all_as_it_was(world, deal):
    made = deal.ask()
    verifier = deal.agree(made)
    before = deal.count(Nonce)
    with world.db.read() as tx:
        signed = oauth1.exchanging(tx, deal.asked(made, verifier=verifier), world.clock.now())
    with pytest.raises(ZeroDivisionError), world.db.write() as tx:
        oauth1.spend(tx, signed, world.clock.now())
        oauth1_tokens.exchange(tx, signed.token, DAY, world.clock.now())
        raise ZeroDivisionError
    assert (deal.count(RequestToken), deal.count(AccessToken), deal.count(Nonce)) == (1, 0, before)
    with world.db.write() as tx:
        oauth1.spend(tx, signed, world.clock.now())
    assert deal.exchange(made, verifier).id


def test_who_agreed_last_is_who_lends(world, deal):
    made = deal.ask()
    first = deal.agree(made)
    with world.db.read() as tx:
        signed = oauth1.exchanging(tx, deal.asked(made, verifier=first), world.clock.now())
    assert deal.agree(made) != first
    with pytest.raises(errors.NotFound), world.db.write() as tx:
        oauth1_tokens.exchange(tx, signed.token, DAY, world.clock.now())
    assert deal.count(AccessToken) == 0


def test_what_nobody_needs_is_forgotten(world, deal):
    deal.login(deal.access())
    deal.ask(60)
    assert deal.count(Nonce) == 2 and deal.count(RequestToken) == 1
    world.clock.advance(oauth1_tokens.KEPT.total_seconds() + 61)
    made = deal.ask(60)
    assert deal.count(RequestToken) == 1
    with world.db.read() as tx:
        signed = oauth1.exchanging(tx, deal.asked(made, verifier=deal.agree(made)), world.clock.now())
    with world.db.write() as tx:
        oauth1.spend(tx, signed, world.clock.now())
    assert deal.count(Nonce) == 1


def test_secrets_follow_the_keys_of_credentials(world, deal):
    repository = world.settings.credential_key_repository
    asked, access = deal.ask(), deal.access()
    key_repository.rotate(repository, 0)
    encryption = Encryption(repository)
    with world.db.write() as tx:
        assert credentials.left_behind(tx, encryption) == 3
        assert credentials.migrate(tx, encryption, 2) == 2 and credentials.migrate(tx, encryption, 2) == 1
        assert credentials.left_behind(tx, encryption) == credentials.migrate(tx, encryption) == 0
    key_repository.rotate(repository, 0)
    world.db.encryption = Encryption(repository)
    assert deal.login(access) and deal.exchange(asked, deal.agree(asked))


def test_without_its_key_nothing_is_signed(world, deal, tmp_path):
    access = deal.access()
    key_repository.setup(tmp_path / 'others')
    world.db.encryption = Encryption(tmp_path / 'others')
    with pytest.raises(errors.Unavailable):
        deal.login(access)


def test_the_library_is_loaded_with_the_first_signature():
    code = 'import sys, nimbus.api.identity.app; sys.exit("oauthlib" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
