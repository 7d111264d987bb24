# A read that arms for the next signal only if it has left nothing.
# Kernel: 6.12
# Suite: check_waiters
# Found-by: not ok .*buffer.* of SIGIO sleep
/^static ssize_t bufflink_read_iter/,/^}/ s/if (READ_ONCE(bl->fasync))/if (READ_ONCE(bl->fasync) \&\& !bufflink_has_data(bl))/
