"""Transactions over the database servers, and pages of rows."""
