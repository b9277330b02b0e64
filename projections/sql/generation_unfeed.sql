-- A generation that nobody reads, and that projectors feed no more: somebody folds it on.
update generations set state = 'building', fed_until = null where id = %(generation)s and not is_current
