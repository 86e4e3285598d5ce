"""Chapters about what UpCloud offers: zones, plans, prices, hosts."""
