"""The API: one module per chapter, each with `routes`. `table` lists all of them."""
