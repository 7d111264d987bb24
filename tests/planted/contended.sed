# A reader by edge that was refused the lock, and is not told of what was left.
# Kernel: 6.12
# Suite: check_read
# Found-by: not ok .*check_read
/^static void bufflink_unlock_read/,/^}/ s/bufflink_arm_or_wake(bl)/barrier()/
