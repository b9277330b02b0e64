-- Keep an event that was not folded; keeping it again changes nothing. One that was settled before is
-- open once more. `failed_again_by` is the position of a retry after which it failed.
insert into dead_letters as kept
    (generation, position, stream, version, topic, error, cause, documents, waiting, held_back, failed_again_by)
values (%(generation)s, %(position)s, %(stream)s, %(version)s, %(topic)s, %(error)s, %(cause)s,
        %(documents)s, %(documents)s, %(held_back)s, %(failed_again_by)s::bigint)
on conflict (generation, position, held_back) do update
set error = excluded.error, cause = excluded.cause,
    documents = array(select unnest(kept.documents) union select unnest(excluded.documents) order by 1),
    waiting = array(select unnest(kept.waiting) union select unnest(excluded.waiting) order by 1),
    failed_again_by = coalesce(excluded.failed_again_by, kept.failed_again_by),
    resolution = null, resolved_by = null, resolved_at = null
