"""TaskFlow Pro's own OpenAPI document, made from the endpoints that serve."""
