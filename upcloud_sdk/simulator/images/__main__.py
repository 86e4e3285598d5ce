"""`python -m upcloud_sdk.simulator.images`: builds the images that guests of the kind `vm` start from."""

from __future__ import annotations

import sys

from upcloud_sdk.simulator.images.build import main

if __name__ == "__main__":
    sys.exit(main())
