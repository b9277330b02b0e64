"""Reports: pure functions from a snapshot of a read model to exact figures."""
