DELETE FROM blob_leaves WHERE hash = ?1
