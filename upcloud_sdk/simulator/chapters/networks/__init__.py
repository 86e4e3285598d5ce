"""Chapters about networks, interfaces, routers, peerings and addresses."""
