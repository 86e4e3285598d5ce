"""Chapters about storages: themselves, their copies, what is imported into them."""
