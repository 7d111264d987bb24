# A reader by edge was refused the lock, and no event tells it of the bytes left.
# Kernel: 6.12
# Suite: check_read
# Found-by: not ok .*:an_edge_triggered_epoll_reports_bytes_that_another_reader_left:
/^static void bufflink_unlock_read/,/^}/ s/bufflink_arm_or_wake(bl)/barrier()/
