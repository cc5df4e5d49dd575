"""The Networking API: Neutron's v2.0."""
