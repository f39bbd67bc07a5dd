SELECT (SELECT max(number) FROM record) - (SELECT ifnull(sum(removed_records), 0) FROM workflow_use),
       (SELECT count(*) FROM stream), (SELECT count(*) FROM quarantine),
       (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size),
       (SELECT ifnull(sum(removed_records), 0) FROM workflow_use),
       (SELECT backup_ms FROM hub)
