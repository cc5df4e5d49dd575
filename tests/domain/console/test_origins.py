"""Which pages may open a console."""

import pytest

from nimbus.console.origins import trouble


@pytest.mark.parametrize(
    ('headers', 'sentence'),
    [
        ({}, None),
        ({'Host': 'cloud'}, None),
        ({'Host': 'cloud:6080', 'Origin': 'http://cloud:6080'}, None),
        ({'Host': 'Cloud:6080', 'Origin': 'http://cloud'}, None),
        ({'Host': '[::1]:6080', 'Origin': 'http://[::1]:6080'}, None),
        ({'Host': 'cloud', 'Origin': 'http://dashboard.example'}, None),
        ({'Host': 'cloud', 'Origin': 'http://evil.example'}, 'pages of evil.example may not open consoles'),
        ({'Host': 'cloud', 'Origin': 'http://cloud.evil.example'}, 'pages of cloud.evil.example'),
        ({'Host': 'cloud', 'Origin': 'http://cloud@evil.example'}, 'pages of evil.example'),
        ({'Host': 'cloud', 'Origin': 'https://cloud'}, 'the page is of https, and consoles are served by http'),
        ({'Host': 'cloud', 'Origin': 'https://cloud', 'X-Forwarded-Proto': 'http'}, None),
        ({'Host': 'cloud', 'Origin': 'null'}, 'the origin is no address'),
        ({'Host': 'cloud', 'Origin': ''}, 'the origin is no address'),
        ({'Host': 'cloud', 'Origin': 'http://[1'}, 'the origin is no address'),
        ({'Host': '[1', 'Origin': 'http://cloud'}, 'the origin is no address'),
        ({'Origin': 'http://cloud'}, 'pages of cloud'),
    ],
)
def test_a_page_is_of_the_host_that_is_asked_or_of_one_that_is_allowed(headers, sentence):
    found = trouble(headers, ('dashboard.example',), 'http')
    assert found is sentence is None or sentence in found
