DELETE FROM sync_round WHERE number <= (SELECT max(number) FROM sync_round) - ?1
