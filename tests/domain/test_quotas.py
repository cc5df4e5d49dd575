"""Limits that operators set, and what they mean for those who have none of their own."""

import pytest

from nimbus.common import db, errors
from nimbus.common.quotas import Quotas

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
