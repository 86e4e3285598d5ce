"""An offline UpCloud API for tests and demos, implemented independently of the SDK from the API's reference.

```python
from upcloud_sdk.simulator import Simulator

sim = Simulator()
transport = sim.transport()  # for an httpx client in this process
with sim.serve() as url:  # for other clients and processes
    print(url)
```
"""

from __future__ import annotations

from upcloud_sdk.simulator.app import Simulator
from upcloud_sdk.simulator.records.clock import Clock, ManualClock, RealClock, ScaledClock
from upcloud_sdk.simulator.records.progress import Progress, after_polls, after_seconds, never, to_error
from upcloud_sdk.simulator.state.guest_backend import Guests
from upcloud_sdk.simulator.wire.calls import LoggedRequest

__all__ = [
    "Clock",
    "Guests",
    "LoggedRequest",
    "ManualClock",
    "Progress",
    "RealClock",
    "ScaledClock",
    "Simulator",
    "after_polls",
    "after_seconds",
    "never",
    "to_error",
]
