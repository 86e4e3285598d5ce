"""Chapters about the account: details, users, tokens, billing, audit log."""
