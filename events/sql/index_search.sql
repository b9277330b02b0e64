-- Blocks of some segments in which each group of terms has one, in the order asked for, and where in them.
-- The terms of a group are alternatives; the first group is the one that is looked up.
with terms as materialized (
    select t.group_no, event_term(t.path, t.value::jsonb) as term
    from unnest(%(groups)s::int[], %(paths)s::text[], %(values)s::text[]) as t(group_no, path, value)
), driving as (
    select distinct i.block
    from generate_series(%(first_block)s::int / 256, %(last_block)s::int / 256) as s(segment)
    cross join terms t
    cross join lateral (
        select e.block from event_index e
        where e.segment = s.segment and e.term = t.term
          and e.block between %(first_block)s::int and %(last_block)s::int
        offset 0
    ) i
    where t.group_no = 0
), shared as (
    select d.block from driving d
    where not exists (
        select from generate_series(1, %(last_group)s::int) as g(group_no)
        where not exists (
            select from terms t cross join lateral (
                select from event_index e
                where e.segment = d.block / 256 and e.term = t.term and e.block = d.block offset 0
            ) i
            where t.group_no = g.group_no))
    order by d.block desc limit %(blocks_max)s
)
select s.block, t.group_no, i.offsets
from shared s cross join terms t cross join lateral (
    select e.offsets from event_index e
    where e.segment = s.block / 256 and e.term = t.term and e.block = s.block offset 0
) i
