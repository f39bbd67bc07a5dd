UPDATE hub SET store = ?1
