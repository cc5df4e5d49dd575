"""The `nimbus` command: brings a cloud up, says how it is, and why a server is as it is.

Everything but `up` goes over the REST APIs with keystoneauth1, so it works
from any machine that the endpoints answer.
"""
