"""Quality of service: policies, their rules, and what they hold for."""
