-- count_events: how many events some streams hold together
select coalesce(sum(last.version), 0)::bigint
from unnest(%(streams)s::text[]) as wanted (stream)
cross join lateral (select originator_version as version from stored_events
                    where originator_id = wanted.stream
                    order by originator_version desc limit 1) last;

-- find_origins: where some requests came from, as far as that is remembered
select request_id, address, user_agent from requests where request_id = any(%(request_ids)s::text[]);
