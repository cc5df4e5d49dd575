"""The bus: contracts, the in-process driver, and what is published."""
