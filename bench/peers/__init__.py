"""How other libraries do the jobs: one table of peers per family."""
