# The list of commands is a promise: scripts and fingers rely on it.
"$EBB"
