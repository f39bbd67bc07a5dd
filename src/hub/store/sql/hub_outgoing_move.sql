UPDATE destination SET number = max(number, ?2), mended = max(mended, ?3), sent = sent + ?4, refused = refused + ?5,
    given_up = given_up + ?6 WHERE name = ?1
