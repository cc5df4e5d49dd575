"""Every option and every policy rule is described where an operator looks for it."""

import configparser

import pytest
import yaml

from nimbus.cmd.manage import describe
from nimbus.common import config


@pytest.mark.parametrize(
    'path, wanted',
    [
        (describe.SAMPLE, describe.sample),
        (describe.TABLE, describe.table),
        (describe.POLICIES, describe.policies),
    ],
)
def test_the_files_that_describe_what_can_be_set_are_todays(path, wanted):
    assert path.read_text() == wanted(), 'run python -m nimbus.cmd.manage.describe'


def test_the_sample_changes_no_default():
    parser = configparser.ConfigParser(default_section='', strict=True, interpolation=None)
    parser.read(describe.SAMPLE)
    assert [section for section in parser.sections() if parser.items(section)] == []


def test_every_option_says_in_a_sentence_what_it_decides():
    silent = [
        f'[{group}] {opt.dest}'
        for group, opts in config.options().items()
        for opt in opts
        if not str(opt.help or '').endswith('.')
    ]
    assert silent == []


def test_a_group_is_described_once():
    text = describe.sample()
    assert all(text.count(f'\n[{group}]\n') == 1 for group in config.options())


def test_the_sample_of_the_policy_overrides_nothing_and_is_right_when_uncommented():
    text = describe.policies()
    assert yaml.safe_load(text) is None
    lines = [line[1:] for line in text.splitlines() if line.startswith('#"')]
    rules = yaml.safe_load('\n'.join(lines))
    assert len(rules) == len(lines) and rules['context_is_admin'] == 'role:admin'
