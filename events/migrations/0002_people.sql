-- Secrets and keys of people: never in the log, written in the transaction of the command that sets them.
create table credentials (
    user_id       bigint primary key,
    password_hash text not null,
    changed_at    timestamptz not null default clock_timestamp()
);

-- Each user's own key, encrypted under the master key. Deleting the row erases the person's data.
create table user_keys (
    user_id     bigint primary key,
    wrapped_key bytea not null,
    created_at  timestamptz not null default clock_timestamp()
);

create table sessions (
    token_hash   bytea primary key,
    user_id      bigint not null,
    created_at   timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    expires_at   timestamptz not null
);
create index sessions_user_id_idx on sessions (user_id);
create index sessions_expires_at_idx on sessions (expires_at);
