"""What TaskLedger is compared with: projects and tasks as a small Flask service keeps them.

Flask, SQLAlchemy and gunicorn on the same PostgreSQL, written as most teams would: rows that are changed
where they stand, a signed session cookie, relations loaded without a query for each row, validation by
hand. It does what one request asks for and no more: it has no history, no read model, no rate limits, no
repeatable writes, no conditional requests, and logs no requests.
"""
