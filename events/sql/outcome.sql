-- What an admitted command got, and the id of its last event. A message is written for whom it is found, so that
-- this commit waits, as the command's own did, until a synchronous standby has all that was written so far.
with found as materialized (
    select c.position, c.recorded_at, e.event_id::text
    from commands c left join stored_events e on e.notification_id = c.position
    where c.command_id = %s and c.position is not null
)
select position, recorded_at, event_id from found
where pg_logical_emit_message(true, 'taskledger', 'outcome') is not null
