"""`nimbus-manage metadefs load`: the cloud's own definitions, and those of files."""

import json

import pytest
import sqlalchemy as sa

from nimbus.cmd.manage import manage
from nimbus.common.database import db
from nimbus.image.metadefs import definitions
from nimbus.image.models_metadefs import DefinedObject, DefinedProperty, DefinedTag, Namespace

ZOO = {
    'namespace': 'Zoo',
    'visibility': 'public',
    'resource_type_associations': [{'name': 'OS::Nova::Server', 'prefix': 'zoo_'}],
    'objects': [{'name': 'cat', 'properties': {'legs': {'title': 'Legs', 'type': 'integer'}}}],
    'properties': {'tail': {'title': 'Tail', 'type': 'boolean'}},
    'tags': [{'name': 'wild'}],
}


@pytest.fixture
def load(tmp_path, capsys):
    """Runs the command against a new cloud's database; returns what it prints."""
    conf = tmp_path / 'nimbus.conf'
    conf.write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n')

    def run(*words, code=0):
        assert manage.main(['--config-file', str(conf), *map(str, words)]) == code
        out = capsys.readouterr()
        return out.out + out.err

    run('db', 'upgrade')
    return lambda *words, code=0: run('metadefs', 'load', *words, code=code)


@pytest.fixture
def database(tmp_path):
    return db.Database(f'sqlite:///{tmp_path}/nimbus.db')


def test_the_clouds_own_set_is_written_once(load):
    assert load().count('written') == len(definitions.SPACES)
    assert load().count('there already') == len(definitions.SPACES)


def test_a_file_is_written_whole_and_anew_only_when_asked(load, database, tmp_path):
    folder = tmp_path / 'sets'
    folder.mkdir()
    (folder / 'zoo.json').write_text(json.dumps(ZOO))
    assert load(folder) == 'Zoo: written.\n'
    (folder / 'zoo.json').write_text(json.dumps({**ZOO, 'display_name': 'The zoo', 'tags': []}))
    assert 'there already' in load(folder / 'zoo.json')
    assert load('--replace', folder) == 'Zoo: written.\n'
    with database.read() as tx:
        assert tx.column(sa.select(Namespace.display_name)) == ['The zoo']
        assert tx.column(sa.select(DefinedObject.name)) == ['cat']
        assert tx.column(sa.select(DefinedProperty.name)) == ['tail']
        assert tx.column(sa.select(DefinedTag.name)) == []


def test_files_that_are_no_definitions_are_refused_by_name_and_leave_nothing(load, database, tmp_path):
    bad = tmp_path / 'bad.json'
    for text, word in (('{', 'is not JSON'), ('[]', 'no namespace'), ('{}', 'one object with a namespace')):
        bad.write_text(text)
        assert word in load(bad, code=1)
    assert 'nothing' in load(tmp_path / 'nothing', code=1)
    assert 'has no file' in load(_empty(tmp_path), code=1)
    bad.write_text(json.dumps({**ZOO, 'tags': [{}]}))
    assert 'Zoo' in load(bad, code=1)
    with database.read() as tx:
        assert tx.column(sa.select(Namespace.seq)) == []


def _empty(folder):
    (folder / 'empty').mkdir()
    return folder / 'empty'
