-- find_answer: what a repeated request gets; a position without a status means that the answer was never kept
select fingerprint, position, status, headers, body,
       extract(epoch from clock_timestamp() - created_at)::float8
from commands where command_id = %(command_id)s;

-- keep_answer: the answer to a command that was committed
update commands set status = %(status)s, headers = %(headers)s, body = %(body)s
where command_id = %(command_id)s and status is null;

-- keep_refusal: the answer to a command that led to no events
insert into commands (command_id, fingerprint, status, headers, body)
values (%(command_id)s, %(fingerprint)s, %(status)s, %(headers)s, %(body)s)
on conflict (command_id) do nothing;

-- purge_answers: forget some commands that nobody repeats any more
delete from commands where command_id in (
    select command_id from commands
    where created_at < clock_timestamp() - make_interval(secs => %(keep_s)s)
    limit %(batch_max)s);
