"""nimbus: an infrastructure cloud that speaks OpenStack's REST APIs."""

__version__ = '0.1.0'
