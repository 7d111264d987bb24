# A reader that tells writers of the room only when it has copied everything.
# Kernel: 6.1
# Suite: check_write
# Found-by: not ok .*:a_writer_has_the_room_that_a_slow_reader_has_made:
/^static ssize_t bufflink_copy_out/,/^}/ s/bufflink_wake_writers(bl)/barrier()/
/^static ssize_t bufflink_try_read/,/^}/ s/return done/bufflink_wake_writers(bl);\n\treturn done/
