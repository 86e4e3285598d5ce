"""Shared by the workers of a master: limit of servers, placement, budget, images, record, costs."""
