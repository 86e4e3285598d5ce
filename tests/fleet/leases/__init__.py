"""Leases: held, lost, renewed, reaped."""
