"""`nimbus-manage`: the operator's command for the database, keys, services and hosts, on a control host."""

import argparse
import datetime
import json
import os
import pathlib
import sys
from typing import Any

from nimbus.cmd import owner, schema, wiring
from nimbus.cmd.manage import backup, checks, drain, hostchecks, hosts, images, openapi
from nimbus.common import config, errors
from nimbus.common.agents import services

BECAME = {
    'made': 'made, with the password given.',
    'kept': 'there already; the password stays as it was.',
    'given': 'there already, without a password; has the one given now.',
    'without': 'HAS NO PASSWORD, so no agent can log in: set [service_user] password, or give one by '
    '--service-password-file or OS_BOOTSTRAP_SERVICE_PASSWORD, and run this again.',
}  # what bootstrap did to a user


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = _parser().parse_args(sys.argv[1:] if argv is None else argv)
    try:
        conf = config.load([], 'nimbus-manage', config.of_control_host(args.config_file))
    except config.Unusable as why:
        print(f'nimbus-manage: {why}', file=sys.stderr)
        return 1
    try:
        return args.run(conf, args)
    except (OSError, LookupError, errors.NimbusError) as why:
        print(f'nimbus-manage: {wiring.in_words(conf, why)}', file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='nimbus-manage', description=__doc__)
    parser.add_argument(
        '--config-file',
        action='append',
        help='may be given several times; nimbus.conf and control.conf of /etc/nimbus when it is not',
    )
    topics = parser.add_subparsers(required=True, metavar='TOPIC')
    _database_verbs(_topic(topics, 'db', 'the schema'))
    _verb(
        _topic(topics, 'service', 'the daemons'),
        'list',
        service_list,
        'List the daemons that report: :-) up, XXX down.',
    )
    _verb(topics, 'doctor', doctor, 'Check the control host; exit 1 on a warning, 2 on a failure.')
    _token_verbs(_topic(topics, 'token', 'the token keys'))
    _credential_verbs(_topic(topics, 'credential', 'the keys of credentials'))
    api = _verb(
        _topic(topics, 'docs', 'the documents'), 'openapi', docs_openapi, "Print a service's OpenAPI 3.1 document."
    )
    api.add_argument('service', choices=openapi.APIS)
    _host_verbs(_topic(topics, 'host', 'hosts of agents'))
    _image_verbs(topics)
    boot = _verb(topics, 'bootstrap', bootstrap, 'Make the first users, roles, services and endpoints, if missing.')
    boot.add_argument('--password-file', help='file with the admin password (default: OS_BOOTSTRAP_PASSWORD)')
    boot.add_argument('--service-password-file', help="file with the service user's password")
    return parser


def _topic(topics: Any, name: str, sentence: str) -> Any:
    """What the verbs of a topic are added to."""
    return topics.add_parser(name, help=sentence).add_subparsers(required=True, metavar='VERB')


def _database_verbs(verbs: Any) -> None:
    _verb(verbs, 'upgrade', db_upgrade, 'Bring the schema to this version.')
    _verb(verbs, 'check', db_check, 'Compare the schema with this version; exit 1 when they differ.')
    revision = _verb(verbs, 'revision', db_revision, 'Write a migration from what the models say; for developers.')
    revision.add_argument('number')
    revision.add_argument('message')
    copy = _verb(verbs, 'backup', db_backup, 'Write a copy that can be restored into any database server.')
    copy.add_argument('file', type=pathlib.Path)
    copy.add_argument('--keep', type=int, metavar='N', help='FILE is a folder: name the copy by host and time, keep N')
    back = _verb(verbs, 'restore', db_restore, 'Restore a copy into an empty database.')
    back.add_argument('file', type=pathlib.Path)


def _token_verbs(verbs: Any) -> None:
    kinds = [
        _verb(verbs, 'setup', token_setup, 'Make the key repository, if there is none.'),
        _verb(verbs, 'rotate', token_rotate, 'Make a new key; tokens of the old ones stay valid until they expire.'),
    ]
    for verb in kinds:
        verb.add_argument(
            '--format', choices=('fernet', 'jws'), help='kind of token (default: [identity] token_format)'
        )


def _credential_verbs(verbs: Any) -> None:
    _verb(verbs, 'setup', credential_setup, 'Make the key repository, if there is none.')
    _verb(verbs, 'rotate', credential_rotate, 'Make a new key; run migrate after it.')
    _verb(verbs, 'migrate', credential_migrate, 'Encrypt every credential with the newest key.')


def _image_verbs(topics: Any) -> None:
    verbs = _topic(topics, 'image', 'the images')
    _verb(verbs, 'deleted', images.list_deleted, 'List the images that users deleted and that can be restored.')
    back = _verb(verbs, 'restore', images.restore, 'Make an image that a user deleted active again.')
    back.add_argument('image', metavar='IMAGE', help='the id of the image')
    more = _verb(
        _topic(topics, 'metadefs', 'the metadata definitions'),
        'load',
        images.load_metadefs,
        "Write namespaces of definitions from files, or the cloud's own set.",
    )
    more.add_argument('paths', nargs='*', type=pathlib.Path, metavar='PATH', help='a JSON file, or a folder of them')
    more.add_argument('--replace', action='store_true', help='write those that are there already anew')


def _host_verbs(verbs: Any) -> None:
    more = _verb(verbs, 'add', hosts.add, 'Make an account at the broker for a host, and print its nimbus.conf.')
    more.add_argument('--address', help='how the host reaches this one (default: [api] public_host)')
    more.add_argument('--renew', action='store_true', help='give an existing account a new password')
    more.add_argument('--output', metavar='FILE', help='write nimbus.conf there, mode 0600, instead of printing it')
    less = _verb(verbs, 'remove', hosts.remove, "Delete a host's account and the records of its daemons.")
    less.add_argument('--force', action='store_true', help='delete the account even if servers or volumes are there')
    for verb in (more, less):
        verb.add_argument('name', metavar='NAME', help='name of the host, as its daemons give it: see hostname')
        verb.add_argument('--node', help='node of RabbitMQ that rabbitmqctl speaks to (default: the one of this host)')
    _verb(verbs, 'check', hostchecks.main, 'Check that the agents of this host can work.')
    empty = _verb(verbs, 'drain', drain.main, 'Take every server off a host; exit 1 and name those that stay.')
    empty.add_argument('name', metavar='NAME', help='name of the host, as its daemons give it')
    empty.add_argument('--reason', default='It is being emptied.', help='why the host is disabled, for other operators')
    empty.add_argument('--at-once', type=int, default=2, metavar='N', help='how many servers move at once (default: 2)')
    empty.add_argument('--shut-down', action='store_true', help='shut down servers that cannot move while they run')
    empty.add_argument(
        '--timeout', type=float, default=86400, metavar='SECONDS', help='when to give up waiting (default: a day)'
    )


def _verb(verbs: Any, name: str, run: Any, sentence: str) -> argparse.ArgumentParser:
    made = verbs.add_parser(name, help=sentence, description=sentence)
    made.set_defaults(run=run)
    return made


def db_upgrade(conf: Any, _args: Any) -> int:
    """The schema is migrated to this version; prints its revision."""
    parts = wiring.make_parts(conf)
    print(f'The schema is at revision {schema.upgrade(parts.db)}.')
    return 0


def db_check(conf: Any, _args: Any) -> int:
    """Print how the schema differs from the models; 1 when it does."""
    parts = wiring.make_parts(conf)
    at, newest = schema.revision(parts.db), schema.newest()
    found = schema.differences(parts.db)
    print(f'The schema is at revision {at}; this version brings {newest}.')
    for line in found:
        print(f'  {line}')
    return 0 if at == newest and not found else 1


def db_backup(conf: Any, args: Any) -> int:
    """A copy of the database is in the file, or in the folder, where only the newest `--keep` remain."""
    parts = wiring.make_parts(conf)
    path = backup.next_in(args.file, wiring.host_name(conf)) if args.keep else args.file
    print(f'{path} has {backup.backup(parts.db, path)} rows.')
    owner.give(conf, path)
    if args.keep:
        backup.prune(args.file, wiring.host_name(conf), args.keep)
    return 0


def db_restore(conf: Any, args: Any) -> int:
    """The empty database has the rows of the copy."""
    parts = wiring.make_parts(conf)
    print(f'{backup.restore(parts.db, args.file)} rows were taken from {args.file}.')
    return 0


def db_revision(conf: Any, args: Any) -> int:
    """Write a migration file."""
    parts = wiring.make_parts(conf)
    schema.new_revision(parts.db, args.message, args.number)
    return 0


def service_list(conf: Any, _args: Any) -> int:
    """Print the daemons that report, one a line."""
    parts = wiring.make_parts(conf)
    with parts.db.read() as tx:
        rows = services.find(tx)
    print(f'{"Binary":28} {"Host":24} {"Zone":12} {"Status":9} {"State":5} Updated_At')
    for row in rows:
        face = ':-)' if services.is_up(row, conf.service_down_time) else 'XXX'
        status = 'disabled' if row.disabled else 'enabled'
        seen = row.seen_at.replace(tzinfo=datetime.UTC).isoformat(' ', 'seconds')
        print(f'{row.binary:28} {row.host:24} {row.zone:12} {status:9} {face:5} {seen}')
    return 0


def doctor(conf: Any, _args: Any) -> int:
    """Print what every check found, a line each."""
    found = list(checks.run(conf, wiring.make_parts(conf), checks.EVERY))
    for finding in found:
        print(checks.line(finding))
    return max(finding.level for finding in found)


def docs_openapi(_conf: Any, args: Any) -> int:
    """Print the service's document."""
    print(json.dumps(openapi.document(args.service), indent=2))
    return 0


def token_setup(conf: Any, args: Any) -> int:
    """A key repository for tokens exists."""
    from nimbus.identity import key_repository as keys
    from nimbus.identity.options import Settings
    from nimbus.identity.tokens import signing

    settings = Settings.of(conf)
    with owner.keeping(conf, settings.key_repository):
        keys.setup(settings.key_repository)  # receipts are encrypted with it, whatever tokens are
    if (args.format or settings.token_format) == 'jws':
        with owner.keeping(conf, settings.jws_key_repository):
            keys.setup(settings.jws_key_repository, signing.make)
    return 0


def token_rotate(conf: Any, args: Any) -> int:
    """The staged key signs or encrypts tokens from now on; keys of tokens that are still valid are kept."""
    from nimbus.identity import key_repository as keys
    from nimbus.identity.options import Settings
    from nimbus.identity.tokens import signing

    settings = Settings.of(conf)
    life = settings.token_expiration + settings.allow_expired_window
    if (args.format or settings.token_format) == 'jws':
        with owner.keeping(conf, settings.jws_key_repository, make=False):
            keys.rotate(settings.jws_key_repository, life, signing.make, signing.retire)
    else:
        with owner.keeping(conf, settings.key_repository, make=False):
            keys.rotate(settings.key_repository, life)
    return 0


def credential_setup(conf: Any, _args: Any) -> int:
    """A key repository for credentials exists."""
    from nimbus.identity import key_repository as keys
    from nimbus.identity.options import Settings

    directory = Settings.of(conf).credential_key_repository
    with owner.keeping(conf, directory):
        keys.setup(directory)
    return 0


def credential_rotate(conf: Any, _args: Any) -> int:
    """The staged key encrypts from now on; refused while a credential needs a key that would be dropped."""
    from nimbus.identity import key_repository as keys
    from nimbus.identity.login import credentials
    from nimbus.identity.login.encryption import Encryption
    from nimbus.identity.options import Settings

    directory = Settings.of(conf).credential_key_repository
    with wiring.make_parts(conf).db.read() as tx:
        count = credentials.left_behind(tx, Encryption(directory))
    if count:
        raise errors.Conflict(f'{count} credentials are encrypted with an older key; run "credential migrate" first.')
    with owner.keeping(conf, directory, make=False):
        keys.rotate(directory, 0)
    return 0


def credential_migrate(conf: Any, _args: Any) -> int:
    """Every credential is encrypted with the newest key; after a failure another run continues where it stopped."""
    from nimbus.identity.login import credentials
    from nimbus.identity.login.encryption import Encryption
    from nimbus.identity.options import Settings

    encryption, database, done = Encryption(Settings.of(conf).credential_key_repository), wiring.make_parts(conf).db, 0
    while count := database.with_retries(lambda tx: credentials.migrate(tx, encryption)):
        done += count
    print(f'{done} credentials were encrypted anew.')
    return 0


def bootstrap(conf: Any, args: Any) -> int:
    """The first users, roles, services and endpoints exist."""
    from nimbus.identity import bootstrap as first
    from nimbus.identity.people.passwords import Passwords
    from nimbus.image.metadefs import loading

    password = _secret(args.password_file, 'OS_BOOTSTRAP_PASSWORD')
    service_password = _secret(args.service_password_file, 'OS_BOOTSTRAP_SERVICE_PASSWORD')
    if not password:
        raise errors.Invalid(
            "No admin password was given, by --password-file or OS_BOOTSTRAP_PASSWORD. (The service user's is that of "
            '[service_user] password, else of --service-password-file or OS_BOOTSTRAP_SERVICE_PASSWORD.)'
        )
    configured = conf.service_user.password or None
    if configured and service_password and configured != service_password:
        raise errors.Invalid(
            "The service user's password that was given is not that of [service_user] password, which agents log in "
            'with: give it once.'
        )
    parts = wiring.make_parts(conf)
    with parts.db.write() as tx:
        done = first.bootstrap(
            tx,
            admin_password=password,
            region=conf.region,
            urls=wiring.catalog_urls(conf),
            service_password=service_password or configured,
            passwords=Passwords(conf.identity.bcrypt_rounds, threads=1),
        )
        loading.first(tx)
    for name, became in done.items():
        print(f'User {name}: {BECAME[became]}')
    print(f'The catalog of region {conf.region} names {wiring.url_of(conf, "identity")} and the other services there.')
    return 0


def _secret(path: str | None, variable: str) -> str | None:
    if path:
        with open(path) as file:
            return file.read().strip()
    return os.environ.get(variable)


if __name__ == '__main__':
    sys.exit(main())
