"""Reports as files: JSON, CSV and PDF, made in a process of their own and sent in pieces."""
