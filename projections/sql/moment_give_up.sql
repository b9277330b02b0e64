-- Nothing came of building.
update moments set state = 'removing' where number = %(number)s and epoch = %(epoch)s
