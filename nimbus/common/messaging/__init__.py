"""The message bus: RPC contracts, the in-process driver, and notifications."""
