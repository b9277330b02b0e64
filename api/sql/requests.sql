-- keep_requests: what was asked for, from where, and how it was answered; the standby may lack the last of them
insert into requests (request_id, address, user_agent, actor_id, dialect, method, path, status)
select * from unnest(%(request_ids)s::text[], %(addresses)s::text[], %(user_agents)s::text[],
                     %(actor_ids)s::bigint[], %(dialects)s::text[], %(methods)s::text[],
                     %(paths)s::text[], %(statuses)s::smallint[])
where set_config('synchronous_commit', 'local', true) = 'local'
on conflict (request_id) do update
set method = excluded.method, path = excluded.path, status = excluded.status
where requests.status is null;

-- purge_requests: forget where some requests came from
delete from requests where request_id in (
    select request_id from requests
    where at < clock_timestamp() - make_interval(secs => %(keep_s)s)
    limit %(batch_max)s);
