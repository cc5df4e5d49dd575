"""What a configuration file and a domain may say of a directory."""

import pytest
from oslo_config import cfg

from nimbus.common import errors
from nimbus.identity.settings import ldap
from nimbus.identity.settings.ldap import Ldap


def of_file(tmp_path, text):
    path = tmp_path / 'nimbus.conf'
    path.write_text(f'[ldap]\n{text}\n')
    conf = cfg.ConfigOpts()
    for group, options in ldap.OPTIONS.items():
        conf.register_opts(options, group)
    conf(['--config-file', str(path)], project='nimbus', default_config_dirs=[])
    return Ldap.of(conf.ldap)


def test_a_file_that_says_nothing_means_the_defaults(tmp_path):
    assert of_file(tmp_path, '') == Ldap()


def test_lists_stand_with_commas_in_a_file_and_either_way_in_a_domain(tmp_path):
    told = of_file(tmp_path, 'user_additional_attribute_mapping = title:rank, o:company')
    assert told.user_additional_attribute_mapping == ('title:rank', 'o:company')
    for value in ('title:rank, o:company', ['title:rank', 'o:company']):
        assert Ldap().overlaid({'user_additional_attribute_mapping': value}) == told
    assert hash(told)  # connections are kept by the options they were made with


def test_a_file_that_asks_for_referrals_is_refused(tmp_path):
    assert of_file(tmp_path, 'chase_referrals = false') == Ldap()
    with pytest.raises(LookupError, match='can only be false'):
        of_file(tmp_path, 'chase_referrals = true')


def test_null_in_a_domain_means_the_default():
    assert Ldap().overlaid({'pool_size': None, 'user_tree_dn': None, 'use_tls': None}) == Ldap()


@pytest.mark.parametrize(
    'told', [{'pool_size': 'x'}, {'pool_size': 0}, {'pool_retry_delay': -1}, {'use_pool': 'maybe'}]
)
def test_what_a_domain_cannot_mean_is_refused(told):
    with pytest.raises(errors.Unavailable):
        Ldap().overlaid(told)


def test_the_time_for_an_answer_is_that_of_kept_connections_where_they_are_kept():
    assert Ldap().seconds() == 5
    assert Ldap(pool_connection_timeout=2).seconds() == 2
    assert Ldap(pool_connection_timeout=2, use_pool=False).seconds() == 5
