# A reader by edge that was refused the lock, and is not told of what was left.
# Kernel: 6.12
# Suite: check_read
# Found-by: not ok .*:a_reader_by_edge_hears_of_what_another_has_left:
/^static void bufflink_unlock_read/,/^}/ s/bufflink_arm_or_wake(bl)/barrier()/
