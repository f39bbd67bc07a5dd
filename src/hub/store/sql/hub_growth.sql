-- Since ?1: bytes that came for workflows of which nothing was removed so far, when the oldest of what is there came; all bytes
-- that are counted; bytes of the file that are in use, and that are free for what comes.
SELECT (SELECT ifnull(sum(s.bytes), 0) FROM segment s JOIN workflow_use u ON u.workflow = s.workflow
            WHERE u.removed_records = 0 AND s.last_ms >= ?1),
       (SELECT ifnull(min(began_ms), 0) FROM segment),
       (SELECT ifnull(sum(bytes), 0) FROM workflow_use),
       (SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size),
       (SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size)
