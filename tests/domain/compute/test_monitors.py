"""A host measures its processors where it is told to, and the scheduler hears of it."""

import pytest

from nimbus.compute.agent import monitors


def test_the_processors_are_measured_by_the_fields_names():
    [monitor] = monitors.named(['cpu.virt_driver'])
    first, second = monitor.read(), monitor.read()
    kinds = ('user', 'kernel', 'idle', 'iowait')
    assert first.keys() >= {'cpu.percent', *(f'cpu.{kind}.{what}' for kind in kinds for what in ('time', 'percent'))}
    assert all(0 <= second[name] <= 100 for name in second if name.endswith('percent'))
    assert all(second[f'cpu.{kind}.time'] >= first[f'cpu.{kind}.time'] for kind in kinds)


def test_an_unknown_monitor_is_named():
    with pytest.raises(LookupError, match=r'compute_monitors names tea; there is cpu.virt_driver'):
        monitors.named(['tea'])
