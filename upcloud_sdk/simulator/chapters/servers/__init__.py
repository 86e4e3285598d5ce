"""Chapters about servers: their life, their devices, their firewall, their tags and groups."""
