"""The `nimbus` command: starts a cloud, shows its status, and explains the state of a server.

Everything but `up` goes over the REST APIs with keystoneauth1, so it works
from any machine that the endpoints answer.
"""
