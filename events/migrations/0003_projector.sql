-- Who may write the read model: the epoch fences off a holder that lost the lease without noticing.
create table projector_lease (
    name  text primary key,
    epoch bigint not null,
    owner text not null,
    until timestamptz not null
);

-- Read models by the fingerprint of the folding code that made them.
create table generations (
    id          bigint generated always as identity primary key,
    fingerprint text not null,
    state       text not null default 'building',
    created_at  timestamptz not null default clock_timestamp(),
    ready_at    timestamptz,
    retired_at  timestamptz
);
create unique index generations_fingerprint_idx on generations (fingerprint) where state <> 'removed';

-- Events that a fold could not take, and later ones held back because they touch the same documents.
create table dead_letters (
    id         bigint generated always as identity primary key,
    generation bigint not null,
    position   bigint not null,
    stream     text not null,
    version    bigint,
    topic      text,
    error      text not null,
    documents  text[] not null default '{}',
    held_back  boolean not null default false,
    at         timestamptz not null default clock_timestamp(),
    unique (generation, position)
);
