"""The accounts of a master, the owner of its servers, and the masters that have died."""
