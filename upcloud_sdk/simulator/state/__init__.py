"""The state of the account: catalog, pending changes, usage and bills, access."""
