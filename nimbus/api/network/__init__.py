"""The REST contract of the network service: Neutron's v2.0."""
