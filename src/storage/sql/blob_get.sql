SELECT bytes, type, (SELECT leaves FROM blob_leaves WHERE blob_leaves.hash = blob.hash) FROM blob WHERE hash = ?1
