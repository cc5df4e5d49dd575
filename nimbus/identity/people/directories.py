"""The LDAP directories of domains, and when their users and groups are copied into the database.

A user is copied, with the groups, at login; users and groups are copied when
they are listed or shown.  No transaction is open while a directory is
searched.
"""

import contextlib
import logging
import threading
from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.ldap import domain_configs
from nimbus.identity.ldap.directory import Directory
from nimbus.identity.ldap.entries import Entry
from nimbus.identity.people import shadow_users
from nimbus.identity.settings.ldap import Ldap

LOG = logging.getLogger(__name__)
LIST_LIMIT = 1000  # entries copied from one list, where the domain sets no list_limit
PUBLIC_LENGTH = 64  # characters of a public id; those of the cloud's own users are shorter


class Directories:
    """The LDAP directories of all domains; one object in each process that serves identity."""

    def __init__(self, database: db.Database, ldap: Ldap | None = None) -> None:
        self._db, self._ldap = database, ldap or Ldap()
        self._known: dict[str, Directory] = {}  # by the id of the domain
        self._lock = threading.Lock()

    def defaults(self) -> domain_configs.Config:
        """The values for a domain without a configuration of its own."""
        return domain_configs.defaults(self._ldap)

    def of(self, domain_id: str, tx: db.Tx | None = None) -> Directory | None:
        """The domain's directory, None when its users are the cloud's own; `tx` is a transaction that is open anyway.

        Raises Unavailable when the domain's configuration is not valid.
        """
        return self._of(domain_id, tx)[0]

    def _of(self, domain_id: str, tx: db.Tx | None = None) -> tuple[Directory | None, int]:
        with contextlib.nullcontext(tx) if tx else self._db.read() as reading:
            config = domain_configs.whole(reading, domain_id)
        given = config.get('identity', {})
        by_file = bool(self._ldap.domain) and domain_id == self._ldap.domain
        driver = given.get('driver') or ('ldap' if by_file else 'sql')
        if driver == 'sql':
            self._forget(domain_id)
            return None, 0
        if driver != 'ldap':
            raise errors.Unavailable(f'The identity driver of domain {domain_id} is not known; sql and ldap are.')
        limit = given.get('list_limit')
        directory = self._kept(domain_id, self._ldap.overlaid(config.get('ldap', {})))
        return directory, limit if isinstance(limit, int) else LIST_LIMIT

    def _kept(self, domain_id: str, options: Ldap) -> Directory:
        """The domain's directory with its connections, another when the options have changed."""
        with self._lock:
            known = self._known.get(domain_id)
            if known is not None and known.options == options:
                return known
            made = self._known[domain_id] = Directory(options)
        if known is not None:
            known.close()
        return made

    def _forget(self, domain_id: str) -> None:
        if domain_id in self._known:
            with self._lock:
                gone = self._known.pop(domain_id, None)
            if gone is not None:
                gone.close()

    def close(self) -> None:
        """No connection to a directory is open."""
        with self._lock:
            known, self._known = self._known, {}
        for directory in known.values():
            directory.close()

    def refuse_write(self, domain_id: str) -> None:
        """Raises Forbidden when the domain's users and groups are those of an LDAP directory."""
        if self.of(domain_id) is not None:
            raise shadow_users.read_only()

    def login(self, domain_id: str, directory: Directory, given: dict[str, Any], password: str) -> str | None:
        """The id of the user, who is copied with his groups; None when the password is wrong or the user disabled.

        `given` has `name`, or `id`, the public id.
        """
        by_id = bool(given.get('id'))
        local = self._local_id(given['id']) if by_id else given.get('name')
        entry = directory.user(local, by_id) if isinstance(local, str) else None
        if not directory.accepts(entry, password) or entry is None or not entry.enabled:
            return None
        groups = directory.groups_of(entry)
        return self._db.with_retries(lambda tx: _take_user(tx, domain_id, entry, groups))

    def checks(self, user_id: str, password: str) -> bool | None:
        """Whether the password of a directory's user is right, None when the user is not a directory's."""
        found = self._home(user_id)
        if found is None:
            return None
        row, directory = found
        return directory.accepts(directory.user(row.local_id, True), password)

    def refresh(self, row_id: str, members: bool = False) -> None:
        """The row of a directory's user or group, with its members where asked, is as the directory says now.

        Rows that are not a directory's stay as they are.  Raises Unavailable.
        """
        found = self._home(row_id)
        if found is None:
            return
        row, directory = found
        user = row.kind == 'user'
        entry = directory.user(row.local_id, True) if user else directory.group(row.local_id)
        groups = directory.groups_of(entry) if user and entry else []
        inside = directory.members(entry, LIST_LIMIT) if members and not user and entry else None

        def take(tx: db.Tx) -> None:
            if entry is None:
                shadow_users.drop(tx, row_id)
            elif user:
                _take_user(tx, row.domain_id, entry, groups)
            else:
                shadow_users.keep_group(tx, row.domain_id, entry)
                if inside is not None:
                    shadow_users.keep_members(tx, row.domain_id, row_id, inside)

        self._db.with_retries(take)

    def refresh_list(self, domain_id: str | None, kind: str, name: str | None = None) -> None:
        """The domain's users or groups, of that name where one is given, are as its directory says now.

        Raises Unavailable.
        """
        directory, limit = self._of(domain_id) if domain_id else (None, 0)
        if directory is None or domain_id is None:
            return
        if kind == 'user' and name is not None:
            found = directory.user(name)
            entries, complete = ([found] if found else []), False
        elif kind == 'user':
            entries, complete = directory.users(limit)
        else:
            entries, whole = directory.groups(limit, name)
            complete = whole and name is None
        keep = shadow_users.keep_user if kind == 'user' else shadow_users.keep_group
        kept = {row_id for entry in entries if (row_id := self._taken(keep, domain_id, entry))}
        if complete:
            self._db.with_retries(lambda tx: shadow_users.drop_others(tx, domain_id, kind, kept))

    def _taken(self, keep: Any, domain_id: str, entry: Entry) -> str | None:
        """The id of the entry's row; None, with a warning logged, where a user or group of the cloud has the name."""
        try:
            return self._db.with_retries(lambda tx: keep(tx, domain_id, entry))
        except errors.Conflict as why:
            LOG.warning('An entry of the directory of domain %s was ignored: %s', domain_id, why)
            return None

    def _home(self, row_id: str) -> tuple[Any, Directory] | None:
        if len(row_id) != PUBLIC_LENGTH:
            return None
        with self._db.read() as tx:
            row = shadow_users.mapped(tx, row_id)
        directory = self.of(row.domain_id) if row is not None else None
        return (row, directory) if directory is not None else None

    def _local_id(self, row_id: str) -> str | None:
        with self._db.read() as tx:
            row = shadow_users.mapped(tx, row_id)
        return row.local_id if row is not None and row.kind == 'user' else None


def _take_user(tx: db.Tx, domain_id: str, entry: Entry, groups: list[Entry]) -> str:
    user_id = shadow_users.keep_user(tx, domain_id, entry)
    shadow_users.keep_groups_of(tx, domain_id, user_id, groups)
    return user_id
