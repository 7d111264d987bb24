# An io_uring read that tries again and again because of a loss.
# Kernel: 6.12
# Suite: check_read
# Found-by: not ok .*check_read
/^static bool bufflink_is_io_uring_retry/,/^}/ s/return wanted & .*/return !wanted \&\&/
