"""The consoles of the demo that devstack/up leaves: by websockets, and in a browser."""

import os
import pathlib
import shutil
import struct
import urllib.parse

import pytest

from devstack import demo, place, processes
from tests.browser import Browser
from tests.real import chromium

STATE = pathlib.Path(os.environ.get('NIMBUS_STATE', '/var/lib/nimbus'))
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason='the secrets of the cloud are readable by root alone'),
    pytest.mark.skipif(
        os.geteuid() == 0 and not (STATE / 'choices.json').exists(),
        reason=f'there is no cloud in {STATE}; devstack/up brings one up, NIMBUS_STATE names another folder',
    ),
]
# Pixels of the page's canvas that are not black: a screen with text has some.
LIT = """(() => { const canvas = document.querySelector('canvas'); if (!canvas || !canvas.width) return 0;
const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let lit = 0;
for (let i = 0; i < data.length; i += 4) if (data[i] + data[i + 1] + data[i + 2] > 90) lit++; return lit; })()"""


@pytest.fixture(scope='module')
def console():
    """The address of a console of the demo."""
    where = place.Place(STATE, place.remembered(STATE))
    made = demo.make(where, STATE / 'guest' / 'nimbus-guest.qcow2')
    compute = demo.Api(where, 'demo').of('compute', default_microversion='2.6')

    def ask(protocol: str, kind: str) -> str:
        body = {'remote_console': {'protocol': protocol, 'type': kind}}
        return compute.post(f'/servers/{made.server_id}/remote-consoles', json=body).json()['remote_console']['url']

    return ask


def opened(url: str) -> Browser:
    parts = urllib.parse.urlsplit(url)
    token = urllib.parse.unquote(url).rpartition('token=')[2]
    browser = Browser(parts.port, f'/?token={token}')
    assert browser.status == 101, browser.head
    browser.sock.settimeout(60)
    return browser


def test_a_frame_of_the_screen_comes_by_websocket(console):
    with opened(console('vnc', 'novnc')) as browser:
        assert browser.hear(12) == b'RFB 003.008\n'
        browser.say(b'RFB 003.008\n')
        assert browser.hear(browser.hear(1)[0]) == b'\x01'
        browser.say(b'\x01')
        assert browser.hear(4) == bytes(4)
        browser.say(b'\x01')
        width, height, length = struct.unpack('>HH16xI', browser.hear(24))
        browser.hear(length)
        browser.say(struct.pack('>BxHi', 2, 1, 0))  # plain pixels alone
        browser.say(struct.pack('>BBHHHH', 3, 0, 0, 0, width, height))
        kind, count = struct.unpack('>BxH', browser.hear(4))
        colors = set()
        for _ in range(count):
            wide, high, encoding = struct.unpack('>4xHHi', browser.hear(12))
            pixels = browser.hear(wide * high * 4)
            colors |= set(struct.unpack(f'<{wide * high}I', pixels))
        assert (kind, encoding) == (0, 0) and len(colors) > 1


def test_the_serial_port_offers_a_login_and_hears_a_name(console):
    with opened(console('serial', 'serial')) as browser:
        browser.say(b'\n')
        heard = b''
        while b'login: ' not in heard:
            heard += browser.hear(1)
        browser.say(b'cirros\n')
        while b'assword' not in heard:
            heard += browser.hear(1)
        browser.say(b'\n')


@pytest.mark.skipif(not shutil.which(chromium.PROGRAM), reason='needs Chromium')
@pytest.mark.skipif(not pathlib.Path('/usr/share/novnc').exists(), reason='needs the page noVNC')
def test_a_browser_shows_the_screen_and_what_is_typed_stands_on_it(console, tmp_path):
    pictures = pathlib.Path(os.environ.get('NIMBUS_REPORTS', tmp_path))
    with chromium.Chromium(tmp_path / 'profile', console('vnc', 'novnc')) as browser:
        assert processes.wait_until(lambda: (browser.value(LIT) or 0) > 100, 60, 0.5), browser.value(
            'document.body.innerText'
        )
        (pictures / 'screen.png').write_bytes(browser.picture())
        before = browser.value(LIT)
        browser.click(450, 240)  # keys go where the pointer was used
        browser.press('cirros')
        # Six letters of some tens of pixels each.
        assert processes.wait_until(lambda: browser.value(LIT) > before + 60, 60, 0.5)
        (pictures / 'typed.png').write_bytes(browser.picture())
        browser.press('\b' * 6)
