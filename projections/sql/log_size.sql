-- How many bytes the log takes on disk, its indexes included.
select pg_total_relation_size('stored_events')
