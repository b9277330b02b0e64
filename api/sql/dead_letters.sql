-- dead_letter_groups: events that stop documents of a generation, by what went wrong, oldest first
select l.cause, l.topic, l.error, g.events, g.first_position, g.first_at, g.last_position, g.last_at,
       l.stream, l.version
from (select cause, count(*) as events, min(position) as first_position, max(position) as last_position,
             to_char(min(at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as first_at,
             to_char(max(at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as last_at
      from dead_letters
      where generation = %(generation)s and resolution is null and not held_back
        and (%(cause)s::text is null or cause = %(cause)s::text)
      group by cause order by min(position) limit %(limit)s) g
join dead_letters l on l.generation = %(generation)s and l.position = g.first_position and not l.held_back
order by g.first_position;

-- dead_letter_documents: documents that stand still because of events with a cause, and how many later events wait
select d.document,
       (select count(*) from dead_letters h
        where h.generation = %(generation)s and h.held_back and h.resolution is null
          and h.waiting @> array[d.document])
from (select distinct unnest(waiting) as document from dead_letters
      where generation = %(generation)s and cause = %(cause)s and resolution is null and not held_back
      order by 1 limit %(limit)s) d
order by d.document;

-- dead_letter_counts: how many documents stand still because of events with a cause
select count(distinct document) from dead_letters, unnest(waiting) as document
where generation = %(generation)s and cause = %(cause)s and resolution is null and not held_back;

-- dead_letters_at: the letters about one event in a generation, those that stopped documents first
select held_back, error, cause, documents, waiting,
       to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), failed_again_by, resolution, resolved_by,
       to_char(resolved_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
from dead_letters where generation = %(generation)s and position = %(position)s order by held_back;

-- dead_letters_open: positions of events that stop documents of a generation; null for whatever cause
select position from dead_letters
where generation = %(generation)s and resolution is null and not held_back
  and (%(cause)s::text is null or cause = %(cause)s::text)
order by position;

-- dead_letters_outcome: what an operation has come to for the events that it names
select position, resolved_by >= %(operation)s, failed_again_by >= %(operation)s from dead_letters
where generation = %(generation)s and not held_back and position = any(%(positions)s::bigint[]) order by position;
