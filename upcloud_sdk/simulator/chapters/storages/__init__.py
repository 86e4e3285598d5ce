"""Chapters about storages, copies and imports."""
