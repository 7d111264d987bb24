# A resize that waits for as long as a program keeps a reader.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_reader_stuck_in_a_fault_does_not_hold_up_a_resize:
/^static int bufflink_end_resize/,/^}/ s/if (READ_ONCE(bl->page_used))/if (0)/
