DELETE FROM deed WHERE number <= (SELECT max(number) FROM deed) - ?1
