DELETE FROM mended WHERE number <= ?1
