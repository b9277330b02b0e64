-- What an admitted command got, and the id of its last event.
select c.position, c.recorded_at, e.event_id::text
from commands c left join stored_events e on e.notification_id = c.position
where c.command_id = %s and c.position is not null
