# Bytes that a fault leaves in the page, of which nobody is told.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:an_edge_triggered_epoll_reports_bytes_that_a_fault_left:
/^static void bufflink_arm_or_wake/,/^}/ s/if (READ_ONCE(bl->page_used)/if (0/
