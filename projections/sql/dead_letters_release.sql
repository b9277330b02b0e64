-- These documents were folded again up to a position: letters about what came before it keep them no more.
update dead_letters
set waiting = array(select unnest(waiting) except select unnest(%(documents)s::text[]) order by 1)
where generation = %(generation)s and position < %(operation)s and waiting && %(documents)s::text[]
  and resolution is null
