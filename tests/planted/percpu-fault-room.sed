# A reader that takes records out of a ring and tells no writer of the room.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_writer_has_the_room_that_a_slow_reader_has_made:
/^static const void \*bufflink_merge/,/^}/ s/bufflink_wake_writers(bl)/barrier()/
