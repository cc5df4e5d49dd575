"""Networks by Open vSwitch."""
