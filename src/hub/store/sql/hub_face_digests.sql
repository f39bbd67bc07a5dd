SELECT digest FROM workflow_face LIMIT ?1
