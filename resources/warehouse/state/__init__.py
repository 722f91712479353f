"""State besides the rows: how far things are read, what is requested, who holds a lock."""
