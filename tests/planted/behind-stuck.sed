# A reader behind another one waits for read_lock alone, not for the end.
# Kernel: 6.12
# Suite: check_destroy
# Found-by: not ok .*:readers_behind_one_that_is_stuck_in_a_fault_are_woken:
/^static int bufflink_lock_read/,/^}/ s/bufflink_at_end(bl)/false/
