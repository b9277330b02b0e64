-- Keep an event that was not folded; keeping it again changes nothing.
insert into dead_letters (generation, position, stream, version, topic, error, documents, held_back)
values (%(generation)s, %(position)s, %(stream)s, %(version)s, %(topic)s, %(error)s, %(documents)s,
        %(held_back)s)
on conflict (generation, position) do nothing
