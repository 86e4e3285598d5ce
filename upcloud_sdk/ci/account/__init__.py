"""The open account that the servers of all jobs share: client, cache, images, reaper, events."""
