SELECT ifnull(sum(bytes), 0) FROM attachment WHERE state = ?1
