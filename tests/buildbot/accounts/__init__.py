"""Accounts and owners of a master, and leftover servers of dead masters and earlier runs."""
