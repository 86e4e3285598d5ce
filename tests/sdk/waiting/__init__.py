"""Waits: their pace, their ends, and the watcher that waits share."""
