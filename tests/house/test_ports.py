"""The clouds of tests stand beside each other, and no port of theirs is lent to a connection just then."""

from devstack import settings
from devstack.place import INNER, SERVED, TEST_OFFSETS

FIRST_LENT = 32768  # Linux gives ports from here to whoever connects somewhere, unless it was told otherwise


def test_no_cloud_of_a_test_is_in_the_way_of_another():
    taken = [port + offset for offset in (0, *TEST_OFFSETS.values()) for port in (SERVED | INNER).values()]
    assert len(set(taken)) == len(taken)
    first, last = map(int, settings.SERIAL_PORTS.split(':'))
    assert not set(taken) & set(range(first, last + 1))
    assert max(taken) < FIRST_LENT
