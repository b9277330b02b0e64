-- Begin to index this log from nothing.
truncate event_index, event_counts, event_index_state;
insert into event_index_state (log_id) select log_id from log_identity
