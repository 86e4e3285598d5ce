"""Shared by the workers of a master: limit of servers, placement, record, costs, images."""
