"""Federated logins: at the auth URL of an identity provider's protocol, and by WebSSO for a dashboard."""

import dataclasses
import html
import pathlib
import string
import urllib.parse
from typing import Any

from nimbus.api.identity import authentication, notifications
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.federation import saml_login
from nimbus.api.identity.tokens import tokens
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.federation.login import METHODS, Login
from nimbus.identity.tokens.subjects import Subject

# The page submits its form by itself; a browser without scripts shows a button.
PAGE = """<!DOCTYPE html>
<html lang="en">
  <head><meta charset="utf-8"><title>Logging in</title></head>
  <body>
    <form id="sso" name="sso" action="$host" method="post">
      Please wait ...<br>
      <input type="hidden" name="token" id="token" value="$token">
      <noscript><input type="submit" name="go" value="Your browser runs no scripts: go on by this button"></noscript>
    </form>
    <script>window.onload = function () { document.forms['sso'].submit(); }</script>
  </body>
</html>
"""
HEADERS = [
    ('Content-Type', 'text/html; charset=utf-8'),
    ('Cache-Control', 'no-store'),
    ('Referrer-Policy', 'no-referrer'),
    ('X-Content-Type-Options', 'nosniff'),
    ('X-Frame-Options', 'DENY'),
]


def _login(call: Call, provider_id: str, protocol_id: str, in_body: bool = False) -> tuple[str, Subject]:
    """A new token for the user of an assertion, which is in the body or the headers."""
    method = protocol_id if protocol_id in METHODS else 'mapped'
    given = {'identity_provider': provider_id, 'protocol': protocol_id}
    identity: dict[str, Any] = {'methods': [method], method: given}
    try:
        asked = authentication.asked(call)
        if in_body:
            asked = dataclasses.replace(asked, vouched=saml_login.vouched(call, provider_id, protocol_id))
        token, subject = authority(call).login(identity, asked=asked)
    except errors.NimbusError as why:
        if not isinstance(why, errors.Unavailable):
            notifications.logged_in(call, identity, None, why)
        raise
    notifications.logged_in(call, identity, subject.user_id, None)
    return token, subject


def authenticate(call: Call, idp_id: str, protocol_id: str) -> Reply:
    """GET and POST /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth."""
    if saml_login.is_asked_for(call):
        return saml_login.ask(call, idp_id, protocol_id)
    token, subject = _login(call, idp_id, protocol_id, saml_login.is_brought(call))
    body = tokens.whole(call, subject, tokens.catalog_of(call, subject))
    return Reply(body, 201, [(tokens.SUBJECT, token)])


def websso(call: Call, protocol_id: str) -> Reply:
    """GET and POST /auth/OS-FEDERATION/websso/{protocol_id}: the assertion names its identity provider."""
    login: Login = call.parts.extra['federation']
    provider_id = login.provider_of(protocol_id, authentication.asked(call))
    return _page(call, provider_id, protocol_id)


def websso_of(call: Call, idp_id: str, protocol_id: str) -> Reply:
    """GET and POST /auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso."""
    return _page(call, idp_id, protocol_id)


def _page(call: Call, provider_id: str, protocol_id: str) -> Reply:
    """A page that posts a new token to the dashboard that requested it."""
    host = _dashboard(call)
    token, _ = _login(call, provider_id, protocol_id)
    template = string.Template(_template(authority(call).settings.federation.sso_callback_template))
    page = template.safe_substitute(host=html.escape(host, True), token=html.escape(token, True))
    return Reply(page.encode(), 200, list(HEADERS))


def _dashboard(call: Call) -> str:
    """The URL of the requesting dashboard.  Raises Invalid without one, Unauthenticated when it is not trusted."""
    origin = call.arg('origin')
    if not origin:
        raise errors.Invalid('Request must have an origin query parameter')
    # A dashboard may have percent-encoded it twice.
    for host in (origin, urllib.parse.unquote_plus(origin)):
        if host in {_folded(one) for one in authority(call).settings.federation.trusted_dashboard}:
            return host
    raise errors.Unauthenticated(f'{origin[:255]} is not a trusted dashboard host')


def _folded(url: str) -> str:
    """The URL with its host in lower case, as browsers send it."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def _template(path: str) -> str:
    if not path:
        return PAGE
    try:
        return pathlib.Path(path).read_text()
    except OSError as why:
        raise errors.Unavailable('The page of sso_callback_template cannot be read.') from why
