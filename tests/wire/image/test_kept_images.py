"""Deleted images that are kept for a while: no user finds them, an operator restores them, and then they are gone."""

import dataclasses

import pytest

from nimbus.cmd.manage import images as commands
from nimbus.common import errors
from nimbus.image.images import removal
from nimbus.image.quotas import ImageQuotas
from tests.conftest import ADMIN, MEMBER

DATA = b'x' * 1536


@pytest.fixture
def kept(client, make, transfers):
    """An image that was deleted where deleted images are kept."""
    transfers.limits = dataclasses.replace(transfers.limits, keep_deleted=3600)
    image = make(DATA, name='precious', color='red', tags=['old'])
    assert client('DELETE', f'/v2/images/{image["id"]}').status == 204
    return image


def test_a_deleted_image_is_found_by_nobody_and_holds_no_quota(client, kept, transfers):
    path = f'/v2/images/{kept["id"]}'
    for asker in (ADMIN, MEMBER):
        assert client('GET', path, asker=asker).status == client('GET', f'{path}/file', asker=asker).status == 404
        assert client('DELETE', path, asker=asker).status == 404
        assert client('GET', '/v2/images?status=pending_delete', asker=asker).json['images'] == []
    assert client('POST', '/v2/images', {'id': kept['id']}).status == 409
    assert {use['usage'] for use in client('GET', '/v2/info/usage').json['usage'].values()} == {0}
    assert transfers.sweep() == [] and transfers.store.present() == [kept['id']]


def test_an_operator_restores_it_with_all_it_had(client, kept, parts):
    with parts.db.read() as tx:
        assert [row.id for row in removal.find(tx)] == [kept['id']]
    with parts.db.write() as tx:
        removal.restore(tx, kept['id'], ImageQuotas())
    path = f'/v2/images/{kept["id"]}'
    shown = client('GET', path).json
    assert (shown['status'], shown['color'], shown['tags']) == ('active', 'red', ['old'])
    assert client('GET', f'{path}/file').data == DATA
    usage = client('GET', '/v2/info/usage').json['usage']
    assert (usage['image_count_total']['usage'], usage['image_size_total']['usage']) == (1, 1)
    with parts.db.write() as tx, pytest.raises(errors.NotFound, match='No deleted image with the id'):
        removal.restore(tx, kept['id'], ImageQuotas())


def test_a_restore_over_the_quota_is_refused_and_leaves_it_kept(kept, parts):
    with pytest.raises(errors.OverQuota), parts.db.write() as tx:
        removal.restore(tx, kept['id'], ImageQuotas({'image_count_total': 0}))
    with parts.db.read() as tx:
        assert [row.id for row in removal.find(tx)] == [kept['id']]


def test_once_its_time_is_over_nothing_is_left(kept, parts, transfers):
    transfers.limits = dataclasses.replace(transfers.limits, keep_deleted=0)
    assert transfers.sweep() == [] and transfers.store.present() == []
    with parts.db.write() as tx:
        assert removal.find(tx) == []
        with pytest.raises(errors.NotFound):
            removal.restore(tx, kept['id'], ImageQuotas())


def test_an_image_without_bytes_is_not_kept(client, make, kept, parts):
    assert client('DELETE', f'/v2/images/{make()["id"]}').status == 204
    with parts.db.read() as tx:
        assert [row.id for row in removal.find(tx)] == [kept['id']]


def test_the_commands_list_and_restore(client, kept, parts, monkeypatch, capsys):
    monkeypatch.setattr(commands.wiring, 'make_parts', lambda conf: parts)
    assert commands.list_deleted(None, None) == 0
    assert kept['id'] in (said := capsys.readouterr().out) and 'precious' in said
    args = type('Args', (), {'image': kept['id']})
    assert commands.restore(None, args) == 0
    assert client('GET', f'/v2/images/{kept["id"]}').json['status'] == 'active'
