"""`upcloud-sdk` and `python -m upcloud_sdk`: the command line, which needs the extra `cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: always, with the exit status.
    """
    try:
        from upcloud_sdk.cli import app  # noqa: PLC0415 - where the extra is missing, this says so
    except ImportError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(f"upcloud-sdk: {error}; the command line needs an extra: pip install 'upcloud-sdk[cli]'")
    app()


if __name__ == "__main__":
    main()
