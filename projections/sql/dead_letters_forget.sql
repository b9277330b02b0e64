-- Letters about events that are folded only from now on: they failed where nothing came of it.
delete from dead_letters where generation = %(generation)s and position > %(after)s
