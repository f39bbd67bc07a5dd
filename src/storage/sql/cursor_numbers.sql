SELECT destination, sent_seq FROM cursor WHERE stream = 0 ORDER BY sent_seq
