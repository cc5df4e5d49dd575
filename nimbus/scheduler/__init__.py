"""Choose hosts for servers: the hosts, their capacity, and the claims that servers have on it.

Served by nimbus-scheduler on topic `scheduler`; its tables are `hosts` and `claims`.
Hosts are made known by the compute agents' reports; a claim is taken by one
guarded UPDATE, so no number of schedulers can give a host away twice.
"""
