-- find_session: the user of a session that lives, when it ends at the latest, and whether to note that it was seen
select user_id, extract(epoch from expires_at - clock_timestamp())::float8,
       last_seen_at < clock_timestamp() - make_interval(secs => %(touch_s)s)
from sessions
where token_hash = %(token_hash)s
  and expires_at > clock_timestamp()
  and last_seen_at > clock_timestamp() - make_interval(secs => %(idle_s)s);

-- touch_session: note that a session was seen
update sessions set last_seen_at = clock_timestamp()
where token_hash = %(token_hash)s and last_seen_at < clock_timestamp() - make_interval(secs => %(touch_s)s);

-- start_session: a session for whoever proved a password, unless the password changed meanwhile
-- The lock makes a change of the password wait until it can see the session, or this until it is known.
insert into sessions (token_hash, user_id, expires_at)
select %(token_hash)s, user_id, clock_timestamp() + make_interval(secs => %(life_s)s)
from credentials where user_id = %(user_id)s and password_hash = %(password_hash)s
for share;

-- end_session: signing out
delete from sessions where token_hash = %(token_hash)s;

-- find_password: what a user's password is compared with
select password_hash from credentials where user_id = %(user_id)s;

-- purge_sessions: forget some sessions that ended
delete from sessions where token_hash in (
    select token_hash from sessions
    where expires_at < clock_timestamp()
       or last_seen_at < clock_timestamp() - make_interval(secs => %(idle_s)s)
    limit %(batch_max)s);
