"""Chapters about networks: themselves, interfaces, routers, peerings, addresses."""
