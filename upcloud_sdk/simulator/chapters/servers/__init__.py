"""Chapters about servers, devices, firewall, tags and groups."""
