"""Answers that the quick encoder refuses, and what clients read of them."""

import datetime
import json
import uuid

import pytest

from nimbus.api.kit import faults
from nimbus.api.kit.encoding import encode
from nimbus.common import errors

BIG = 2**128
MOMENT, ID = datetime.datetime(2030, 1, 1), uuid.UUID(int=1)


@pytest.mark.parametrize(
    ('value', 'read'),
    [
        ({'total': BIG, 'less': -BIG}, {'total': BIG, 'less': -BIG}),
        ([1, BIG, None, True, 1.5, 'é'], [1, BIG, None, True, 1.5, 'é']),
        ({1: BIG}, {'1': BIG}),
        ({'at': MOMENT, 'id': ID, 'n': BIG}, {'at': '2030-01-01T00:00:00', 'id': str(ID), 'n': BIG}),
        ({'name': '\ud800'}, {'name': '\ud800'}),
        ({'at': MOMENT, 1: 'é'}, {'at': '2030-01-01T00:00:00', '1': 'é'}),
    ],
)
def test_every_value_is_told(value, read):
    assert json.loads(encode(value)) == read


@pytest.mark.parametrize('envelope', [faults.named, faults.keystone, faults.neutron, faults.placement])
def test_a_refusal_may_quote_half_a_letter(envelope):
    _, body = envelope(400, 'There is no \ud800.', errors.Invalid(''), 'req-1')
    assert 'There is no \ud800.' in json.dumps(json.loads(body), ensure_ascii=False)
