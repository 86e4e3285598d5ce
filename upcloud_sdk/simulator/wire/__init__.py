"""Reads requests and writes answers: calls, fields, pages, labels, bytes."""
