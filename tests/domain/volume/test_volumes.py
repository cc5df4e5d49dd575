"""Volumes as rows: quotas, the choice of a host, growing, and lists."""

import threading

import pytest

from nimbus.common import context, errors
from nimbus.common.agents import services
from nimbus.common.database import listing
from nimbus.image.models import ImageProperty
from nimbus.volume import hosts, types
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.volumes import progress, search, volumes
from tests.compute_world import add_image
from tests.conftest import ADMIN, MEMBER, STRANGER

IMAGE = '6c2c8f0e-8a5b-4c57-9d3c-000000000001'
GIB = 1 << 30


def used(database, project=MEMBER.project_id):
    with database.read() as tx:
        found = VolumeQuotas().show(tx, project)
        return found['volumes'].used, found['gigabytes'].used


def host(tx, name, zone='nova', **facts):
    told = {'backend': 'fake', 'total_gb': 10, 'free_gb': 10, **facts}
    services.report(tx, services.Kind('volume', hosts.BINARY, zone), name, told, started=True)


def found(database, asker=MEMBER, everyone=False, **filters):
    page = listing.Page(limit=10, marker=None, sorts=(('created_at', 'asc'),), filters=filters)
    with database.read() as tx:
        return [row.name for row in search.find(tx, asker, page, everyone=everyone)]


def test_a_quota_is_held_and_given_back(database):
    with database.write() as tx:
        made = volumes.create(tx, MEMBER, size=3).id
    assert used(database) == (1, 3)
    with database.write() as tx:
        progress.made(tx, made, bootable=False)
        volumes.extend(tx, MEMBER, made, 5, VolumeQuotas())
    assert used(database) == (1, 5)
    with database.write() as tx:
        progress.not_grown(tx, made, 2, 'the store is full')
        progress.not_grown(tx, made, 2, 'said twice')
    assert used(database) == (1, 3)
    with database.write() as tx:
        volumes.delete(tx, MEMBER, made)
        progress.gone(tx, made)
    assert used(database) == (0, 0)


def test_a_refused_volume_holds_nothing(database):
    limits = VolumeQuotas({'gigabytes': 2, 'per_volume_gigabytes': 2})
    with pytest.raises(errors.OverQuota, match='larger than maximum allowed limit 2G'), database.write() as tx:
        volumes.create(tx, MEMBER, size=3, quotas=limits)
    with database.write() as tx:
        volumes.create(tx, MEMBER, size=2, quotas=limits)
    with pytest.raises(errors.OverQuota, match='gigabytes quota. Requested 1G, quota is 2G and 2G'):
        with database.write() as tx:
            volumes.create(tx, MEMBER, size=1, quotas=limits)
    assert used(database) == (1, 2)


def test_a_volume_does_not_grow_beyond_what_one_may_have(database):
    limits = VolumeQuotas({'per_volume_gigabytes': 2})
    with database.write() as tx:
        made = volumes.create(tx, MEMBER, size=1, quotas=limits).id
        progress.made(tx, made, bootable=False)
    with pytest.raises(errors.OverQuota, match='size 3G is larger than maximum allowed limit 2G'):
        with database.write() as tx:
            volumes.extend(tx, MEMBER, made, 3, limits)
    assert used(database) == (1, 1)
    with database.write() as tx:
        volumes.extend(tx, MEMBER, made, 2, limits)
    assert used(database) == (1, 2)


def test_of_many_at_once_no_more_than_the_quota_get_through(database):
    limits, outcomes = VolumeQuotas({'volumes': 3}), []

    def create():
        try:
            with database.write() as tx:
                volumes.create(tx, MEMBER, size=1, quotas=limits)
            outcomes.append('made')
        except errors.OverQuota:
            outcomes.append('refused')

    with database.write() as tx:
        types.ensure_default(tx)
    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ['made'] * 3 + ['refused'] * 5
    assert used(database) == (3, 3)


def test_the_host_that_promised_least_is_chosen(database):
    with database.write() as tx:
        host(tx, 'h1')
        host(tx, 'h2')
        first = volumes.create(tx, MEMBER, size=4)
        progress.placed(tx, first.id, hosts.choose(tx, first, 3600))
        second = volumes.create(tx, MEMBER, size=1)
        assert progress.look(tx, first.id).host == 'h1'
        assert hosts.choose(tx, second, 3600).host == 'h2'


def test_a_host_that_cannot_is_passed_over_and_the_reason_told(database):
    with database.write() as tx:
        host(tx, 'full', total_gb=1)
        host(tx, 'far', zone='elsewhere')
        host(tx, 'off')
        (off,) = services.find(tx, 'volume', host='off')
        services.change(tx, off.id, disabled=True)
        volume = volumes.create(tx, MEMBER, size=2, zone='nova')
        with pytest.raises(errors.NoValidHost) as why:
            hosts.choose(tx, volume, 3600)
        for reason in ('1 disabled', '1 in another zone', '1 without room'):
            assert reason in why.value.inside
        assert why.value.sentence == 'No valid backend was found. Those there are, are in another zone, without room.'
        with pytest.raises(errors.NoValidHost) as why:
            hosts.choose(tx, volume, -1)
        assert '3 down' in why.value.inside and '3' not in why.value.sentence
        host(tx, 'good')
        assert hosts.choose(tx, volume, 3600).host == 'good'
        wished = volumes.create(tx, ADMIN, size=1, host='far')
        assert hosts.choose(tx, wished, 3600).host == 'far'


@pytest.mark.parametrize(
    'wishes, fits',
    [
        ({'volume_backend_name': 'fake'}, True),
        ({'capabilities:vendor_name': 'Open Source', 'free_capacity_gb': '>= 5'}, True),
        ({'QoS_support': '<is> False', 'RESKEY:tea': 'x'}, True),
        ({'volume_backend_name': 'tape'}, False),
        ({'multiattach': '<is> True'}, False),
        ({'free_capacity_gb': '>= 50'}, False),
    ],
)
def test_a_host_is_what_the_type_asks_for(database, wishes, fits):
    with database.write() as tx:
        host(tx, 'h1')
        kind = types.create(tx, 'gold', None, True, wishes)
        volume = volumes.create(tx, MEMBER, size=1, volume_type=kind.id)
        if fits:
            assert hosts.choose(tx, volume, 3600).host == 'h1'
        else:
            with pytest.raises(errors.NoValidHost, match='of the volume type'):
                hosts.choose(tx, volume, 3600)


def test_over_subscription_counts(database):
    with database.write() as tx:
        host(tx, 'h1', total_gb=1, over_subscription=2)
        assert hosts.choose(tx, volumes.create(tx, MEMBER, size=2), 3600).host == 'h1'
        with pytest.raises(errors.NoValidHost, match='without room'):
            hosts.choose(tx, volumes.create(tx, MEMBER, size=3), 3600)


def test_without_a_host_that_is_what_is_said(database):
    with database.write() as tx, pytest.raises(errors.NoValidHost, match='[Nn]o volume host'):
        hosts.choose(tx, volumes.create(tx, MEMBER, size=1), 3600)


@pytest.mark.parametrize(
    ('image', 'why'),
    [
        ({'size': GIB + 1}, 'is larger than volume size 1GB'),
        ({'min_disk': 2}, 'cannot be smaller than the image minDisk size 2GB'),
        ({'virtual_size': 3 * GIB}, 'Image virtual size is 3GB'),
        ({'status': 'queued'}, 'is not active'),
    ],
)
def test_an_image_that_does_not_fit_is_refused(database, image, why):
    with database.write() as tx:
        add_image(tx, IMAGE, **image)
        with pytest.raises(errors.Invalid, match=why):
            volumes.create(tx, MEMBER, size=1, image_id=IMAGE)
    assert used(database) == (0, 0)


def test_an_image_may_name_the_type_of_its_volumes(database):
    with database.write() as tx:
        fast, slow = types.create(tx, 'fast', None), types.create(tx, 'slow', None)
        add_image(tx, IMAGE)
        tx.insert(ImageProperty, image_id=IMAGE, name='cinder_img_volume_type', value='fast')
        assert volumes.create(tx, MEMBER, size=1, image_id=IMAGE).type_id == fast.id
        assert volumes.create(tx, MEMBER, size=1, image_id=IMAGE, volume_type='slow').type_id == slow.id
        tx.update(ImageProperty, ImageProperty.image_id == IMAGE, value='none such')
        with pytest.raises(errors.NotFound, match='none such'):
            volumes.create(tx, MEMBER, size=1, image_id=IMAGE)
    assert used(database) == (2, 2)


def test_another_projects_image_is_not_there(database):
    with database.write() as tx:
        add_image(tx, IMAGE, owner=STRANGER.project_id, visibility='private')
        with pytest.raises(errors.Invalid, match='Invalid image identifier'):
            volumes.create(tx, MEMBER, size=1, image_id=IMAGE)


def test_a_volume_grows_only(database):
    with database.write() as tx:
        made = volumes.create(tx, MEMBER, size=2).id
        with pytest.raises(errors.Invalid, match='to extend, currently creating'):
            volumes.extend(tx, MEMBER, made, 3, VolumeQuotas())
        progress.made(tx, made, bootable=False)
        for size in (1, 2):
            with pytest.raises(errors.Invalid, match='must be greater than current size'):
                volumes.extend(tx, MEMBER, made, size, VolumeQuotas())
        volumes.extend(tx, MEMBER, made, 3, VolumeQuotas())
        progress.grown(tx, made, 3)
        assert (progress.look(tx, made).size, progress.look(tx, made).status) == (3, 'available')


def test_lists_show_the_askers_own(database):
    with database.write() as tx:
        volumes.create(tx, MEMBER, size=1, name='mine', metadata={'k': 'v', 'x%': 'y'})
        volumes.create(tx, STRANGER, size=2, name='theirs')
    assert found(database) == ['mine']
    assert found(database, ADMIN, everyone=True) == ['mine', 'theirs']
    assert found(database, ADMIN, everyone=True, project_id=STRANGER.project_id) == ['theirs']
    assert found(database, metadata={'k': 'v', 'x%': 'y'}) == ['mine']
    assert found(database, metadata={'k': 'other'}) == []
    assert found(database, **{'name~': 'in'}) == ['mine']
    assert found(database, **{'name~': '%'}) == []
    assert found(database, size=1, status='creating', bootable=False) == ['mine']
    assert found(database, group_id='any') == []
    with database.read() as tx:
        assert search.size(tx, context.internal(), {}, everyone=True) == (2, 3)


def test_what_is_no_time_is_refused():
    assert [way for way, _ in search.moments('gt:2020-01-01T00:00:00,lt:2030-01-01T00:00:00Z')] == ['gt', 'lt']
    with pytest.raises(errors.Invalid, match='is no time'):
        search.moments('gt:yesterday')
