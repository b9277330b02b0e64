"""The OpenAPI document of TaskForge."""
