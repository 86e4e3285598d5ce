"""Sends calls: builds requests, repeats them if allowed, decodes answers, raises errors, logs."""

from upcloud_sdk._transport.requests import path_segment
from upcloud_sdk._transport.transport import Transport

__all__ = ["Transport", "path_segment"]
