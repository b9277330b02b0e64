"""Golden samples: one stored event for every type and version that a log may hold, for ever."""
