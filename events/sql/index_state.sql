-- Up to which position the index is complete; no row when it is another log's, or of one that went back.
select s.complete_to from event_index_state s join log_identity l on l.log_id = s.log_id
where s.complete_to = 0
   or s.event_id = (select e.event_id from stored_events e where e.notification_id = s.complete_to)
