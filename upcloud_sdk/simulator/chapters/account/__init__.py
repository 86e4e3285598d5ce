"""Chapters about the account: itself, its users and tokens, what it pays, what was done in it."""
