-- The first event of a log, which tells whether two are of the same ledger.
select event_id::text from stored_events where notification_id = 1
