SELECT (SELECT max(number) FROM record), (SELECT count(*) FROM stream), (SELECT count(*) FROM quarantine),
       (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)
