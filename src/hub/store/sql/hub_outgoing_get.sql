SELECT number, mended, sent, refused, given_up, removed, (SELECT ifnull(max(number), 0) FROM record),
    (SELECT ifnull(min(number), 0) FROM record WHERE number > (SELECT number FROM destination WHERE name = ?1)),
    (SELECT ifnull(max(number), 0) FROM mended)
FROM destination WHERE name = ?1
