"""Chapters about zones, plans, prices and hosts."""
