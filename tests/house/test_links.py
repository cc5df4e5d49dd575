"""Whoever follows a link in the documents arrives."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / 'README.md', ROOT / 'findings/README.md', *(ROOT / 'doc').rglob('*.md')]


def test_every_link_leads_somewhere():
    lost = []
    for page in PAGES:
        for target in re.findall(r'\]\(([^)#:]+)[^)]*\)', page.read_text()):
            if not (page.parent / target).exists():
                lost.append(f'{page.relative_to(ROOT)}: {target}')
    assert lost == []


def test_every_page_is_linked_to():
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r'\]\(([^)#:]+)[^)]*\)', page.read_text())
    }
    missing = {page for page in PAGES if page not in linked and page.parent not in linked and page.name != 'README.md'}
    assert missing == set()


def test_every_finding_is_in_the_table_and_can_be_run():
    table = (ROOT / 'findings/README.md').read_text()
    scripts = sorted((ROOT / 'findings').glob('*.sh'))
    assert scripts
    assert [script.name for script in scripts if f'({script.name})' not in table] == []
    assert [script.name for script in scripts if not script.stat().st_mode & 0o100] == []
