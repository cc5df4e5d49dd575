"""Limits that operators set, and what they mean for those who have none of their own."""

import pytest

from nimbus.common import config, errors
from nimbus.common.database import db
from nimbus.common.quotas import Quotas, QuotaUse
from nimbus.compute import quotas as compute_quotas
from nimbus.image.quotas import ImageQuotas
from nimbus.network import quotas as network_limits
from nimbus.volume.quotas import VolumeQuotas

QUOTAS = Quotas('test', {'things': 2})


def test_a_projects_own_limit_goes_before_the_default_classs(database: db.Database):
    with database.write() as tx:
        QUOTAS.set(tx, '', {'things': 5})
        QUOTAS.set(tx, 'p', {'things': 7})
        assert QUOTAS.limits(tx, 'p') == {'things': 7}
        assert QUOTAS.limits(tx, 'other') == {'things': 5}
        QUOTAS.reset(tx, 'p')
        assert QUOTAS.limits(tx, 'p') == {'things': 5}


def test_a_limit_that_was_set_is_kept_to(database: db.Database):
    with database.write() as tx:
        QUOTAS.set(tx, 'p', {'things': 1})
        QUOTAS.take(tx, 'p', things=1)
    with pytest.raises(errors.OverQuota, match='already used 1 of 1 things'), database.write() as tx:
        QUOTAS.take(tx, 'p', things=1)


def test_the_options_say_what_the_nouns_say():
    for group, defaults in (('compute', compute_quotas.DEFAULTS), ('network', network_limits.DEFAULTS)):
        told = {opt.dest: opt.default for opt in config.options()[group] if opt.dest.startswith('quota_')}
        assert told == {f'quota_{name}': limit for name, limit in defaults.items()}


def test_a_configured_limit_counts_where_no_operator_set_one(database):
    database.limits = {'compute': {'instances': 2}}
    quotas = Quotas('compute', {'instances': 10, 'cores': 20})
    with database.write() as tx:
        assert quotas.limits(tx, 'p') == {'instances': 2, 'cores': 20}
        quotas.set(tx, 'p', {'instances': 5})
    with database.read() as tx:
        assert quotas.limits(tx, 'p')['instances'] == 5 and quotas.limits(tx, 'q')['instances'] == 2


def test_a_counter_below_nothing_is_counted_anew_before_it_lets_anything_through(database, caplog):
    held = {'things': 2}
    quotas = Quotas('test', {'things': 2}, lambda tx, project: {'p': held})
    with database.write() as tx:
        tx.insert(QuotaUse, project_id='p', service='test', resource='things', used=-5)
        with pytest.raises(errors.OverQuota):
            quotas.take(tx, 'p', things=1)
        assert quotas.show(tx, 'p')['things'].used == 2
        tx.update(QuotaUse, QuotaUse.project_id == 'p', used=-5)
        quotas.give_back(tx, 'p', things=1)  # what is wrong is not made to look right
        held['things'] = 1
        quotas.take(tx, 'p', things=1)
        assert quotas.show(tx, 'p')['things'].used == 2
    assert 'things of project p was wrong' in caplog.text


@pytest.mark.parametrize('quotas', [compute_quotas.QUOTAS, network_limits.QUOTAS, VolumeQuotas(), ImageQuotas()])
def test_every_services_counters_can_be_counted_anew(database, quotas):
    with database.read() as tx:
        assert quotas.rows(tx, 'p') == {}
