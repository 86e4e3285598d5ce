"""What a client knows of its servers: records, labels, owner, and leases, which it renews."""
