"""How the simulator is served and disturbed: one call, its transport, HTTP, and the control of tests."""
