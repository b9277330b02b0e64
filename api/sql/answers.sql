-- find_answer: what a repeated request gets; a position without a status means that the answer was never kept
select fingerprint, position, status, headers, body,
       extract(epoch from clock_timestamp() - created_at)::float8
from commands where command_id = %(command_id)s;

-- keep_answers: answers to commands that were committed; locked in one order, so that no two wait for each other
with mine as (
    select * from unnest(%(command_ids)s::text[], %(statuses)s::int[], %(headers)s::jsonb[], %(bodies)s::bytea[])
        as given (command_id, status, headers, body)
), free as (
    select command_id from commands where command_id = any(%(command_ids)s::text[]) and status is null
    order by command_id for update
)
update commands set status = mine.status, headers = mine.headers, body = mine.body
from mine join free using (command_id)
where commands.command_id = mine.command_id
returning commands.command_id;

-- keep_refusal: the answer to a command that led to no events
insert into commands (command_id, fingerprint, status, headers, body)
values (%(command_id)s, %(fingerprint)s, %(status)s, %(headers)s, %(body)s)
on conflict (command_id) do nothing;

-- purge_answers: forget some commands that nobody repeats any more
delete from commands where command_id in (
    select command_id from commands
    where created_at < clock_timestamp() - make_interval(secs => %(keep_s)s)
    limit %(batch_max)s);
