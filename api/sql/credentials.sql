-- find_password: what a user's password is compared with, which of the user's it is, and when a place was seen
-- The last is null for a place that the user has not signed in from.
select c.password_hash, c.changes, extract(epoch from clock_timestamp() - p.last_seen_at)::float8
from credentials c left join known_places p on p.user_id = c.user_id and p.place = %(place)s
where c.user_id = %(user_id)s;

-- hash_anew: keep another hash of the same password
update credentials set password_hash = %(password_hash)s
where user_id = %(user_id)s and password_hash = %(former_hash)s;

-- note_place: the user has signed in from there; of too many places those seen last are kept
with forgotten as (
    delete from known_places where user_id = %(user_id)s and place in (
        select place from known_places where user_id = %(user_id)s and place <> %(place)s
        order by last_seen_at desc, place offset %(others_max)s)
)
insert into known_places (user_id, place)
select user_id, %(place)s from credentials where user_id = %(user_id)s
on conflict (user_id, place) do update set last_seen_at = clock_timestamp();

-- purge_places: forget some places that nobody has signed in from for long
delete from known_places where (user_id, place) in (
    select user_id, place from known_places
    where last_seen_at < clock_timestamp() - make_interval(secs => %(keep_s)s)
    limit %(batch_max)s);
