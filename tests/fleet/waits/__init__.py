"""Waiting for servers, and how long anything may take."""
