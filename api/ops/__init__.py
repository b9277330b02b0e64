"""The operators' API at `/ops/api`: for admins, in TaskFlow Pro's envelope and with its sessions."""
