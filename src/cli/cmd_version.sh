# `ebb version` and its spellings.
"$EBB" version
"$EBB" --version
"$EBB" version --json
