"""Which hosts serve a network, what each should have, and what its agent reports."""
