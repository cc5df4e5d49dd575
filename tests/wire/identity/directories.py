"""What tests of directories share: a domain whose users are a server's."""

import dataclasses
from typing import Any

from tests.wire.identity import slapd
from tests.wire.identity.conftest import Cloud

BASE = {
    'suffix': slapd.SUFFIX,
    'user': slapd.ROOT,
    'password': slapd.ROOT_PASSWORD,
    'group_tree_dn': f'ou=Groups,{slapd.SUFFIX}',
    'user_id_attribute': 'uid',
    'user_name_attribute': 'uid',
    'group_name_attribute': 'cn',
}


def domain_of(cloud: Cloud, url: str, name: str = 'staff', **options: Any) -> dict[str, Any]:
    """A domain with the users of the directory at the URL."""
    domain = cloud.make('domain', name=name)
    config = {'config': {'identity': {'driver': 'ldap'}, 'ldap': {**BASE, 'url': url, **options}}}
    answer = cloud('PUT', f'/domains/{domain["id"]}/config', config)
    assert answer.status == 201, answer.data
    return domain


def tell(cloud: Cloud, domain: dict[str, Any], **options: Any) -> None:
    """The domain's directory has the options."""
    answer = cloud('PATCH', f'/domains/{domain["id"]}/config', {'config': {'ldap': options}})
    assert answer.status == 200, answer.data


def by_file(cloud: Cloud, **options: Any) -> None:
    """The options are those of the configuration file, which are true of every domain that tells no other."""
    known = cloud.parts.extra['identity'].directories
    known._ldap = dataclasses.replace(known._ldap, **options)


def listed(cloud: Cloud, noun: str, domain: dict[str, Any], **filters: str) -> dict[str, Any]:
    """The domain's rows by their names."""
    query = ''.join(f'&{name}={value}' for name, value in filters.items())
    answer = cloud('GET', f'/{noun}?domain_id={domain["id"]}{query}')
    assert answer.status == 200, answer.data
    return {row['name']: row for row in answer.json[noun]}
