-- What a backup's manifest says of the ledger, as this snapshot has it; one row.
select l.log_id::text,
       current_schema()::text,
       current_setting('server_version_num')::int,
       coalesce(e.notification_id, 0),
       e.event_id::text,
       (select jsonb_object_agg(m.name, m.checksum) from schema_migrations m)
from log_identity l
left join lateral (
    select notification_id, event_id from stored_events order by notification_id desc limit 1
) e on true
