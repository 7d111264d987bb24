# The header of a record takes no room: it overwrites bytes that are not read yet.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_record_takes_at_most_24_bytes_more_than_it_has:
s/bufflink_check_room(ring, room, need)/bufflink_check_room(ring, room, size)/
s/size_add(size, sizeof(header)));/size);/
