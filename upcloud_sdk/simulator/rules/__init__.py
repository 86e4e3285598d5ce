"""What the chapters share: how servers, storages and networks are checked, made, shown and removed."""
