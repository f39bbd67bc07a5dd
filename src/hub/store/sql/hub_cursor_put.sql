INSERT OR REPLACE INTO cursor (stream, lane, connection, ranges, anchored, stored, gapped, quarantined)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
