"""What a client knows of its servers, and what it tells its listeners."""
