# A reader by edge that was refused the lock, and is not told of what was left.
# Kernel: 6.12
# Suite: check_read
# Found-by: not ok .*:an_edge_triggered_epoll_reports_what_another_reader_has_left:
/^static void bufflink_unlock_read/,/^}/ s/bufflink_arm_or_wake(bl)/barrier()/
