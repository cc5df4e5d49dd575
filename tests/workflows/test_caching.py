"""Images that are fetched to hosts before any server needs them there."""

import pytest

from nimbus.common import errors, jobs
from nimbus.compute.hosts import aggregates
from nimbus.compute.servers.images import caching
from tests.conftest import ADMIN
from tests.workflows.cloud import IMAGE, Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=3)
    yield made
    made.close()


def rack(cloud, *hosts) -> int:
    with cloud.db.write() as tx:
        number = aggregates.create(tx, 'rack', None).seq
        for host in hosts:
            aggregates.add_host(tx, number, host)
    return number


def test_each_host_of_the_aggregate_fetches_the_image_once_and_no_other_does(cloud, monkeypatch):
    asked = []
    for host, agent in cloud.agents.items():
        monkeypatch.setattr(agent.images, 'get', lambda image, host=host: asked.append((host, image.id)) or '/base')
    number = rack(cloud, 'h1', 'h3')
    with cloud.db.write() as tx:
        caching.fetch(tx, ADMIN, number, [IMAGE])
    cloud.settle()
    assert sorted(asked) == [('h1', IMAGE), ('h3', IMAGE)]
    with cloud.db.read() as tx:
        assert {job.heading for job in jobs.history(tx, IMAGE)} == {jobs.DONE}


def test_a_host_that_cannot_fetch_it_does_not_keep_it_from_the_others(cloud, monkeypatch):
    asked = []

    def refuse(image):
        raise errors.NimbusError('This host has no disk space left.')

    monkeypatch.setattr(cloud.agents['h1'].images, 'get', refuse)
    monkeypatch.setattr(cloud.agents['h2'].images, 'get', lambda image: asked.append(image.id) or '/base')
    number = rack(cloud, 'h1', 'h2')
    with cloud.db.write() as tx:
        caching.fetch(tx, ADMIN, number, [IMAGE])
    cloud.settle()
    assert asked == [IMAGE]
    with cloud.db.read() as tx:
        assert {job.heading for job in jobs.history(tx, IMAGE)} == {jobs.DONE, jobs.UNDONE}


def test_what_is_no_image_or_no_aggregate_starts_nothing(cloud):
    number = rack(cloud, 'h1')
    nowhere = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'
    for aggregate, image, kind in ((number, nowhere, errors.Invalid), (999, IMAGE, errors.NotFound)):
        with pytest.raises(kind), cloud.db.write() as tx:
            caching.fetch(tx, ADMIN, aggregate, [IMAGE, image])
    assert cloud.under_way() == []
