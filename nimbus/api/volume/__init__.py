"""The Block Storage API: Cinder's v3."""
