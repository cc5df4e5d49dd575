"""A directory of users and groups that is asked over LDAP, and never written to.

ldap3 is imported when a directory is first asked: a cloud without one does not
pay for it.  Every value that a caller told is escaped before it is part of a
filter or a name, every connection and answer has a time limit, and no list is
longer than it was asked for.
"""

import contextlib
import dataclasses
import ssl
from collections.abc import Iterator
from typing import Any

from nimbus.common import errors, ids
from nimbus.identity.ldap_options import Ldap

OK, SIZE_LIMIT, NO_SUCH_OBJECT = 0, 4, 32
AWAY = (51, 52, 80)  # busy, unavailable, other: the directory's own trouble, not the password's
TRUE = ('true', '1', 'yes', 'on')
MAX_GROUPS = 1000  # of one user


@dataclasses.dataclass(frozen=True)
class Entry:
    """A user or a group."""

    dn: str
    local_id: str
    name: str
    enabled: bool = True
    mail: str | None = None
    description: str | None = None
    members: tuple[str, ...] = ()


class Directory:
    """One directory."""

    def __init__(self, options: Ldap) -> None:
        try:
            import ldap3
        except ImportError:
            raise errors.Unavailable(
                'The directory of this domain cannot be asked: the ldap3 library is not installed.'
            ) from None
        self._ldap3, self.options = ldap3, options
        self.user_tree = options.user_tree_dn or f'ou=Users,{options.suffix}'
        self.group_tree = options.group_tree_dn or f'ou=UserGroups,{options.suffix}'

    def user(self, value: str, by_id: bool = False) -> Entry | None:
        """The user of that name, or of that id; None when there is none."""
        told = self.options
        attribute = told.user_id_attribute if by_id else told.user_name_attribute
        found, _ = self._search(self.user_tree, self._users(self._equal(attribute, value)), self._as_user, 2)
        return found[0] if len(found) == 1 else None

    def users(self, limit: int) -> tuple[list[Entry], bool]:
        """At most so many users, and whether these are all."""
        return self._search(self.user_tree, self._users(), self._as_user, limit)

    def group(self, local_id: str) -> Entry | None:
        """The group of that id, None when there is none."""
        wanted = self._groups(self._equal(self.options.group_id_attribute, local_id))
        found, _ = self._search(self.group_tree, wanted, self._as_group, 2)
        return found[0] if len(found) == 1 else None

    def groups(self, limit: int, name: str | None = None) -> tuple[list[Entry], bool]:
        """At most so many groups, of that name where one is told, and whether these are all."""
        more = self._equal(self.options.group_name_attribute, name) if name is not None else ''
        return self._search(self.group_tree, self._groups(more), self._as_group, limit)

    def groups_of(self, user: Entry) -> list[Entry]:
        """The groups that name the user as a member."""
        told = user.local_id if self.options.group_members_are_ids else user.dn
        wanted = self._groups(self._equal(self.options.group_member_attribute, told))
        return self._search(self.group_tree, wanted, self._as_group, MAX_GROUPS)[0]

    def members(self, group: Entry, limit: int) -> list[Entry]:
        """The users that the group names, of at most so many that there are."""
        by_id = self.options.group_members_are_ids
        named = {one if by_id else _plain(one) for one in group.members}
        users, _ = self.users(limit)
        return [user for user in users if (user.local_id if by_id else _plain(user.dn)) in named]

    def accepts(self, user: Entry | None, password: str) -> bool:
        """Whether the password is the user's; for nobody the directory is asked as well, so that time tells nothing."""
        if not password:
            return False  # to a directory, a name without a password is nobody, and welcome
        named = user.dn if user else f'{self.options.user_id_attribute}={ids.plain()},{self.user_tree}'
        with self._trouble():
            connection = self._opened(named, password)
            try:
                right = connection.bind()
                code = connection.result['result']
            finally:
                connection.unbind()
        if not right and code in AWAY:
            raise away()
        return bool(right) and user is not None

    def _users(self, more: str = '') -> str:
        told = self.options
        return f'(&{self._equal("objectClass", told.user_objectclass)}{_bracketed(told.user_filter)}{more})'

    def _groups(self, more: str = '') -> str:
        told = self.options
        return f'(&{self._equal("objectClass", told.group_objectclass)}{_bracketed(told.group_filter)}{more})'

    def _equal(self, attribute: str, value: str) -> str:
        from ldap3.utils.conv import escape_filter_chars

        return f'({attribute}={escape_filter_chars(value)})'

    def _as_user(self, dn: str, values: dict[str, list[str]]) -> Entry | None:
        told = self.options
        local_id, name = _first(values, told.user_id_attribute), _first(values, told.user_name_attribute)
        if not local_id or not name:
            return None
        return Entry(
            dn,
            local_id,
            name,
            self._is_enabled(values),
            _first(values, told.user_mail_attribute),
            _first(values, told.user_description_attribute),
        )

    def _is_enabled(self, values: dict[str, list[str]]) -> bool:
        told = self.options
        text = _first(values, told.user_enabled_attribute or '') or told.user_enabled_default
        if told.user_enabled_mask:
            return not (int(text) if text.isdigit() else 0) & told.user_enabled_mask
        return (text.lower() in TRUE) != told.user_enabled_invert

    def _as_group(self, dn: str, values: dict[str, list[str]]) -> Entry | None:
        told = self.options
        local_id, name = _first(values, told.group_id_attribute), _first(values, told.group_name_attribute)
        if not local_id or not name:
            return None
        members = tuple(values.get(told.group_member_attribute.lower(), ()))
        return Entry(dn, local_id, name, description=_first(values, told.group_desc_attribute), members=members)

    def _search(self, tree: str, wanted: str, read: Any, limit: int) -> tuple[list[Any], bool]:
        """What stands in the tree and passes the filter, and whether that is all."""
        ldap3, found = self._ldap3, []
        scope = ldap3.SUBTREE if self.options.query_scope == 'sub' else ldap3.LEVEL
        with self._trouble(), self._searching() as connection:
            cookie = None
            while True:
                page = self.options.page_size and min(self.options.page_size, limit + 1)
                connection.search(
                    tree,
                    wanted,
                    scope,
                    attributes=ldap3.ALL_ATTRIBUTES,
                    size_limit=0 if page else limit + 1,
                    time_limit=self.options.connection_timeout,
                    paged_size=page or None,
                    paged_cookie=cookie,
                )
                code = connection.result['result']
                if code not in (OK, SIZE_LIMIT, NO_SUCH_OBJECT):
                    raise away()
                found += [entry for entry in map(lambda one: _read(one, read), connection.response or ()) if entry]
                controls = connection.result.get('controls') or {}
                cookie = controls.get('1.2.840.113556.1.4.319', {}).get('value', {}).get('cookie') if page else None
                if not cookie or len(found) > limit:
                    return found[:limit], code == OK and not cookie and len(found) <= limit

    @contextlib.contextmanager
    def _searching(self) -> Iterator[Any]:
        connection = self._opened(self.options.user, self.options.password)
        try:
            if not connection.bind():
                raise away()
            yield connection
        finally:
            connection.unbind()

    def _opened(self, user: str | None, password: str | None) -> Any:
        """A connection to the first of the servers that takes one."""
        ldap3, told = self._ldap3, self.options
        checks = ssl.CERT_REQUIRED if told.tls_req_cert == 'demand' else ssl.CERT_NONE
        tls = ldap3.Tls(validate=checks, ca_certs_file=told.tls_cacertfile)
        why: Exception = away()
        for url in filter(None, (part.strip() for part in told.url.split(','))):
            server = ldap3.Server(url, get_info=ldap3.NONE, tls=tls, connect_timeout=told.connection_timeout)
            connection = ldap3.Connection(
                server,
                user=user,
                password=password,
                authentication=ldap3.SIMPLE if user else ldap3.ANONYMOUS,
                receive_timeout=told.connection_timeout,
                auto_referrals=False,
                read_only=True,
                check_names=False,
            )
            try:
                connection.open()
                if told.use_tls and not url.startswith('ldaps:') and not connection.start_tls():
                    raise away()
                return connection
            except (ldap3.core.exceptions.LDAPException, OSError, errors.Unavailable) as reason:
                why = reason
                if connection.socket is not None:
                    connection.socket.close()  # ldap3 leaves it open when nobody answers
        raise why

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        """What goes wrong with the directory is one kind of error; no name or password is part of it."""
        try:
            yield
        except (self._ldap3.core.exceptions.LDAPException, OSError) as why:
            raise away() from why


def away() -> errors.Unavailable:
    """The answer while the directory cannot be asked."""
    return errors.Unavailable('The directory of this domain cannot be asked at the moment.')


def _plain(dn: str) -> str:
    """A name as it is compared: spaces beside commas and large letters mean nothing."""
    return ','.join(part.strip() for part in dn.split(',')).lower()


def _bracketed(told: str | None) -> str:
    return '' if not told else told if told.startswith('(') else f'({told})'


def _read(one: dict[str, Any], read: Any) -> Entry | None:
    """The entry of a search's answer; None for a reference to another server."""
    if one.get('type') != 'searchResEntry':
        return None
    values = {
        name.lower(): [value.decode('utf-8', 'replace') for value in raw] for name, raw in one['raw_attributes'].items()
    }
    return read(one['dn'], values)


def _first(values: dict[str, list[str]], name: str) -> str | None:
    found = values.get(name.lower())
    return found[0] if found else None
