SELECT ifnull(sum(bytes), 0) FROM blob
