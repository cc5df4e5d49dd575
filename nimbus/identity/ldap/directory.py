"""Searches and password checks in an LDAP directory of users and groups, which is read-only.

ldap3 is imported with the first search, so that a cloud without a directory does
not load it.  Every value from a caller is escaped before it is part of a filter
or a DN, every connection and answer has a time limit, and every list a maximum
length.
"""

import dataclasses
from typing import Any

from nimbus.common import ids
from nimbus.common.clock import Clock
from nimbus.identity.ldap.connections import Connections, away
from nimbus.identity.ldap.entries import DN, Entry, Values, as_group, as_user, values_of
from nimbus.identity.settings.ldap import Ldap

OK, SIZE_LIMIT, NO_SUCH_OBJECT = 0, 4, 32
MAX_GROUPS = 1000  # of one user
IN_CHAIN = '1.2.840.113556.1.4.1941'  # Active Directory's rule that follows groups within groups
PAGED = '1.2.840.113556.1.4.319'
ALIASES = {'searching': 'SEARCH', 'finding': 'FINDING_BASE', 'always': 'ALWAYS'}  # as ldap3 calls them; else never


class Directory:
    """One directory."""

    def __init__(self, options: Ldap, clock: Clock | None = None) -> None:
        self.options, self._connections = options, Connections(options, clock)
        import ldap3

        self._ldap3 = ldap3
        self.user_tree = options.user_tree_dn or f'ou=Users,{options.suffix}'
        self.group_tree = options.group_tree_dn or f'ou=UserGroups,{options.suffix}'

    def close(self) -> None:
        """Idle connections to the directory are closed."""
        self._connections.close()

    def user(self, value: str, by_id: bool = False) -> Entry | None:
        """The user of that name, or of that id; None when there is none."""
        options = self.options
        attribute = options.user_id_attribute if by_id else options.user_name_attribute
        found = self._connections.ask(lambda link: self._found_users(link, self._equal(attribute, value), 2)[0])
        return found[0] if len(found) == 1 else None

    def users(self, limit: int) -> tuple[list[Entry], bool]:
        """At most `limit` users, and whether these are all."""
        return self._connections.ask(lambda link: self._found_users(link, '', limit))

    def group(self, local_id: str) -> Entry | None:
        """The group of that id, None when there is none."""
        found, _ = self._found_groups(self._equal(self.options.group_id_attribute, local_id), 2)
        return found[0] if len(found) == 1 else None

    def groups(self, limit: int, name: str | None = None) -> tuple[list[Entry], bool]:
        """At most `limit` groups, of that name where one is given, and whether these are all."""
        more = self._equal(self.options.group_name_attribute, name) if name is not None else ''
        return self._found_groups(more, limit)

    def groups_of(self, user: Entry) -> list[Entry]:
        """The groups that list the user as a member."""
        options = self.options
        attribute = f'member:{IN_CHAIN}:' if options.group_ad_nesting else options.group_member_attribute
        named = user.local_id if options.group_members_are_ids else user.dn
        return self._found_groups(self._equal(attribute, named), MAX_GROUPS)[0]

    def members(self, group: Entry, limit: int) -> list[Entry]:
        """At most `limit` of the group's members."""
        return self._connections.ask(lambda link: self._members(link, group, limit))

    def _members(self, link: Any, group: Entry, limit: int) -> list[Entry]:
        options = self.options
        if options.group_ad_nesting:
            return self._found_users(link, self._equal(f'memberOf:{IN_CHAIN}:', group.dn), limit)[0]
        found = []
        for named in group.members[:limit]:
            if options.group_members_are_ids:
                found += self._found_users(link, self._equal(options.user_id_attribute, named), 1)[0]
            elif self._is_below(named, self.user_tree):
                found += self._found_users(link, '', 1, named)[0]
        return found

    def accepts(self, user: Entry | None, password: str) -> bool:
        """Whether the password is the user's; with no user the directory is asked too, so that time reveals nothing."""
        if not password:
            return False  # a directory accepts a bind without a password, as anonymous
        named = user.dn if user else f'{self.options.user_id_attribute}={ids.plain()},{self.user_tree}'
        return self._connections.binds(named, password) and user is not None

    def _found_users(self, link: Any, more: str, limit: int, dn: str | None = None) -> tuple[list[Entry], bool]:
        """Users that match the filter, in the tree or with that DN, and whether these are all."""
        options = self.options
        wanted = f'(&{self._equal("objectClass", options.user_objectclass)}{_bracketed(options.user_filter)}{more})'
        rows, complete = self._search(link, wanted, limit, dn or self.user_tree, dn is not None)
        users = [user for row in rows if (user := as_user(*row, options))]
        if options.user_enabled_emulation and 'enabled' not in options.user_attribute_ignore:
            users = [dataclasses.replace(user, enabled=self._is_among_enabled(link, user)) for user in users]
        return users, complete

    def _is_among_enabled(self, link: Any, user: Entry) -> bool:
        """Whether the user is in the group of enabled users."""
        options = self.options
        as_groups = options.user_enabled_emulation_use_group_config
        attribute = options.group_member_attribute if as_groups else 'member'
        named = user.local_id if as_groups and options.group_members_are_ids else user.dn
        place = options.user_enabled_emulation_dn or f'cn=enabled_users,{self.user_tree}'
        return bool(self._search(link, self._equal(attribute, named), 1, place, True)[0])

    def _found_groups(self, more: str, limit: int) -> tuple[list[Entry], bool]:
        options = self.options
        wanted = f'(&{self._equal("objectClass", options.group_objectclass)}{_bracketed(options.group_filter)}{more})'
        rows, complete = self._connections.ask(lambda link: self._search(link, wanted, limit, self.group_tree))
        return [group for row in rows if (group := as_group(*row, options))], complete

    def _equal(self, attribute: str, value: str) -> str:
        from ldap3.utils.conv import escape_filter_chars

        return f'({attribute}={escape_filter_chars(value)})'

    def _is_below(self, dn: str, tree: str) -> bool:
        return f',{_plain(dn)}'.endswith(f',{_plain(tree)}')

    def _search(
        self, link: Any, wanted: str, limit: int, base: str, itself: bool = False
    ) -> tuple[list[tuple[DN, Values]], bool]:
        """The entries at or below the base that match the filter, and whether these are all."""
        ldap3, found, cookie = self._ldap3, [], None
        scope = ldap3.BASE if itself else ldap3.SUBTREE if self.options.query_scope == 'sub' else ldap3.LEVEL
        size = self.options.page_size and min(self.options.page_size, limit + 1)
        while True:
            link.search(
                base,
                wanted,
                scope,
                dereference_aliases=ALIASES.get(self.options.alias_dereferencing, ldap3.DEREF_NEVER),
                attributes=ldap3.ALL_ATTRIBUTES,
                size_limit=0 if size else limit + 1,
                time_limit=self.options.seconds(),
                paged_size=size or None,
                paged_cookie=cookie,
            )
            code = link.result['result']
            if code not in (OK, SIZE_LIMIT, NO_SUCH_OBJECT):
                raise away()
            # Referrals to other servers are no entries.
            found += [values_of(one) for one in link.response or () if one.get('type') == 'searchResEntry']
            controls = link.result.get('controls') or {}
            cookie = controls.get(PAGED, {}).get('value', {}).get('cookie') if size else None
            if not cookie or len(found) > limit:
                return found[:limit], code == OK and not cookie and len(found) <= limit


def _plain(dn: str) -> str:
    """A DN in the form in which it is compared: without spaces beside commas, in lower case."""
    return ','.join(part.strip() for part in dn.split(',')).lower()


def _bracketed(text: str | None) -> str:
    return '' if not text else text if text.startswith('(') else f'({text})'
