"""What can be asked: documents, their indexes and queries."""
