UPDATE hub SET connection = connection + 1 RETURNING connection
