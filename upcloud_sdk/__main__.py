"""`upcloud-sdk` and `python -m upcloud_sdk`: the command line. Needs the extra `cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: Always, with the exit status.
    """
    try:
        from upcloud_sdk._terminal import one_line_errors  # noqa: PLC0415 - if the extra is missing, the error says so
        from upcloud_sdk.cli import app  # noqa: PLC0415 - the same
    except ImportError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(f"upcloud-sdk: {error}; the command line needs an extra: pip install 'upcloud-sdk[cli]'")
    with one_line_errors("upcloud-sdk"):
        app()


if __name__ == "__main__":
    main()
