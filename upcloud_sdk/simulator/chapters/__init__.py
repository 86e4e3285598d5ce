"""The API: one module a chapter, each with `routes`, all of them named in `table`."""
