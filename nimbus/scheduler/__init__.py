"""Where servers are placed: hosts, what they can take, and the claims servers have on them.

Served by nimbus-scheduler on topic `scheduler`; its tables are `hosts` and `claims`.
Hosts are made known by the compute agents' reports; a claim is taken by one
guarded UPDATE, so no number of schedulers can give a host away twice.
"""
