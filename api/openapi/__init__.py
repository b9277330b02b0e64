"""OpenAPI 3.1 documents and Postman collections, for whichever dialect describes its operations."""
