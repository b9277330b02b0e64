-- For people who look into the log: payloads as jsonb, and where each request came from.
-- data is null where the stored bytes are no JSON; stored_events.state has them as they are.
create function state_as_json(state bytea) returns jsonb language plpgsql immutable strict as $$
begin
    return convert_from(state, 'UTF8')::jsonb;
exception when others then
    return null;
end $$;

create view events as
select e.notification_id                                            as position,
       e.originator_id                                              as stream,
       e.originator_version                                         as version,
       split_part(e.originator_id, '-', 1)                          as category,
       e.topic                                                      as type,
       coalesce((d.data->>'class_version')::int, 1)                 as schema_version,
       d.data - 'class_version'                                     as data,
       e.event_id, e.recorded_at, e.actor_id, e.actor_role, e.dialect,
       e.request_id, e.causation_id, e.command,
       r.address, r.user_agent
from stored_events e
cross join lateral (select state_as_json(e.state) as data offset 0) d
left join requests r on r.request_id = e.request_id;
