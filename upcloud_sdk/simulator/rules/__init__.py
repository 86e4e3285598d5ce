"""Shared by the chapters: checks, creation, documents and removal of servers, storages and networks."""
