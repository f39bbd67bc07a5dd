# Fails when a file includes what FLOORS does not allow its room, or when FLOORS itself looks up.
# usage: awk -f tools/floors.awk FLOORS $(git ls-files 'src/*.[ch]')
NR == FNR {
    if ($1 !~ /^[0-9]+$/) next
    room = $2
    sub(/:$/, "", room)
    floor[room] = $1
    may[room, room] = 1
    for (i = 3; i <= NF; i++) {
        may[room, $i] = 1
        look[++looks] = room "/" $i
    }
    next
}
FNR == 1 && !read_floors {
    read_floors = 1
    for (i = 1; i <= looks; i++) {
        split(look[i], pair, "/")
        if (!(pair[2] in floor) || floor[pair[2]] >= floor[pair[1]]) {
            printf "FLOORS: %s may not look at %s\n", pair[1], pair[2]
            broken = 1
        }
    }
}
match($0, /^[ \t]*#[ \t]*include[ \t]+"[a-z_]+\//) {
    split(FILENAME, path, "/")
    door = $0
    gsub(/^[^"]*"|\.h".*$/, "", door)
    room = door
    sub(/\/.*$/, "", room)
    if (!((path[2], room) in may) && !((path[2], door) in may)) {
        printf "%s:%d: %s may not include %s\n", FILENAME, FNR, path[2], door
        broken = 1
    }
}
END { exit broken }
