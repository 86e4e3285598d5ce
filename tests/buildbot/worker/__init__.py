"""The life of a worker: builds, races, failures, reconfiguration, signals, clocks."""
