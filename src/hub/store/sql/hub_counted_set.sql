UPDATE hub SET counted = ?1
