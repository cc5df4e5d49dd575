"""Chromium without a window, by its DevTools protocol: a page, what it shows, and keys that are pressed in it."""

import base64
import contextlib
import itertools
import json
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request
from typing import Any, Self

from tests.browser import Browser

PROGRAM = 'chromium'
TEXT = 1  # the kind of frame
WORDS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run')
WORDS += ('--hide-scrollbars', '--window-size=900,600', '--remote-debugging-port=0')


class Chromium(contextlib.AbstractContextManager):
    """A browser with one page of its own."""

    def __init__(self, folder: pathlib.Path, url: str) -> None:
        words = [PROGRAM, *WORDS, f'--user-data-dir={folder}', url]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = (re.search(r'127\.0\.0\.1:(\d+)/', line) for line in self._process.stderr)
        port = next(int(found[1]) for found in said if found)
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/json', timeout=20) as answer:
            page = next(one for one in json.load(answer) if one['type'] == 'page')
        self._page = Browser(port, urllib.parse.urlsplit(page['webSocketDebuggerUrl']).path)
        self._page.sock.settimeout(60)
        self._count = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.__exit__()
        self._process.terminate()
        self._process.communicate()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command."""
        number = next(self._count)
        self._page.say(json.dumps({'id': number, 'method': method, 'params': params}).encode(), TEXT)
        while True:
            _, data = self._page.frame()
            told = json.loads(data)
            if told.get('id') == number:
                return told['result']

    def value(self, expression: str) -> Any:
        """What an expression in the page is."""
        return self.ask('Runtime.evaluate', expression=expression, returnByValue=True)['result'].get('value')

    def press(self, text: str) -> None:
        """The keys of letters are pressed; \\b is that which takes one back."""
        for letter in text:
            key = {'key': letter, 'code': f'Key{letter.upper()}', 'text': letter}
            if letter == '\b':
                key = {'key': 'Backspace', 'code': 'Backspace', 'windowsVirtualKeyCode': 8}
            self.ask('Input.dispatchKeyEvent', type='keyDown', **key)
            self.ask('Input.dispatchKeyEvent', type='keyUp', **key)

    def click(self, x: int, y: int) -> None:
        """The pointer is used there."""
        for kind in ('mousePressed', 'mouseReleased'):
            self.ask('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def picture(self) -> bytes:
        """What the page shows, as PNG."""
        return base64.b64decode(self.ask('Page.captureScreenshot', format='png')['data'])
