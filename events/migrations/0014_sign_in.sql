-- Sessions and refresh tokens get numbers that are no secrets, and tell from where they were begun.
create sequence session_ids;
alter table sessions
    add column id bigint not null default nextval('session_ids') unique,
    add column address text,
    add column user_agent text;
alter table refresh_tokens
    add column id bigint not null default nextval('session_ids') unique,
    add column last_used_at timestamptz not null default clock_timestamp(),
    add column address text,
    add column user_agent text;
update refresh_tokens set last_used_at = issued_at;

-- How often a password was set: a hash that is made anew, of the same password, ends nothing.
alter table credentials add column changes bigint not null default 0;

-- From where users have signed in, as keyed hashes of user and network: others' wrong passwords do not count there.
create table known_places (
    user_id      bigint not null,
    place        bytea not null,
    last_seen_at timestamptz not null default clock_timestamp(),
    primary key (user_id, place)
);
create index known_places_last_seen_at_idx on known_places (last_seen_at);

-- One way in can be ended alone, or all but one; a deleted user's places are forgotten.
create or replace function keep_private_row(private_row jsonb, moment timestamptz) returns void
language plpgsql volatile as $$
declare
    person bigint := (private_row->>'user_id')::bigint;
    -- Null unless ways in are picked by their numbers.
    picked bigint := (private_row->>'only')::bigint;
    kept bigint := (private_row->>'but')::bigint;
begin
    case private_row->>'kind'
    when 'password' then
        insert into credentials (user_id, password_hash, changed_at)
            values (person, private_row->>'password_hash', moment)
            on conflict (user_id) do update
            set password_hash = excluded.password_hash, changed_at = excluded.changed_at,
                changes = credentials.changes + 1;
        delete from sessions where user_id = person;
        update refresh_tokens set revoked_at = moment where user_id = person and revoked_at is null;
    when 'end_sessions' then
        delete from sessions
            where user_id = person and id is distinct from kept and (picked is null or id = picked);
        update refresh_tokens set revoked_at = moment
            where user_id = person and id is distinct from kept and (picked is null or id = picked)
              and revoked_at is null;
    when 'forget_user' then
        -- First, so that whoever is logging in, and locks this row, is done: what they got goes as well.
        delete from credentials where user_id = person;
        delete from sessions where user_id = person;
        delete from refresh_tokens where user_id = person;
        delete from known_places where user_id = person;
    when 'user_key' then
        insert into user_keys (user_id, wrapped_key, created_at)
            values (person, decode(private_row->>'wrapped_key', 'hex'), moment);
    end case;
end $$;
