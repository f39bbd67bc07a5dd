SELECT number, name, digest FROM workflow ORDER BY number
