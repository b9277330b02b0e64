-- Append a group; what each parameter holds is written at the function.
select outcome, "position", recorded_at from append_group(
    %(command_ids)s::text[], %(fingerprints)s::text[], %(actor_ids)s::bigint[], %(actor_roles)s::text[],
    %(dialects)s::text[], %(request_ids)s::text[], %(causation_ids)s::text[], %(command_names)s::text[],
    %(addresses)s::text[], %(user_agents)s::text[],
    %(event_appends)s::int[], %(streams)s::text[], %(versions)s::bigint[], %(topics)s::text[],
    %(states)s::bytea[], %(event_ids)s::uuid[],
    %(guard_appends)s::int[], %(guard_streams)s::text[], %(guard_versions)s::bigint[],
    %(private_rows)s::jsonb, %(asked_moments)s::timestamptz[]
) order by append_no
