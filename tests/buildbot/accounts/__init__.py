"""Whose the servers are: accounts and owners of a master, and what dead masters and earlier runs have left."""
