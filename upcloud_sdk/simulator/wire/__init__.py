"""How a request is read and an answer is written: calls, fields, pages, labels, bytes."""
