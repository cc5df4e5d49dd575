"""What is put together from several classes has every method that one of them only names."""

import inspect

import pytest

from nimbus.compute.agent.fake.driver import FakeDriver
from nimbus.compute.agent.libvirt.driver import LibvirtDriver
from nimbus.compute.agent.manager import Agent


@pytest.mark.parametrize('whole', [LibvirtDriver, FakeDriver, Agent])
def test_no_method_is_left_that_is_only_named(whole):
    methods = [method for _, method in inspect.getmembers(whole, inspect.isfunction)]
    assert [m.__qualname__ for m in methods if 'raise NotImplementedError' in inspect.getsource(m)] == []
