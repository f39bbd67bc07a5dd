DELETE FROM quarantine WHERE number <=
  (SELECT max(number) FROM
    (SELECT number, row_number() OVER newest AS place, sum(bytes) OVER newest AS together
     FROM quarantine WINDOW newest AS (ORDER BY number DESC))
   WHERE place > ?1 OR together > ?2)
