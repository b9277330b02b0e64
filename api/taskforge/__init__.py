"""TaskForge: the API with tokens, over the same tasks, users and tags as TaskFlow Pro."""
