# An io_uring read that tries again and again because of a loss.
# Kernel: 6.12
# Suite: check_read
# Found-by: not ok .*:io_uring_waits_for_data_also_while_a_loss_is_not_reported:
/^static bool bufflink_is_io_uring_retry/,/^}/ s/return wanted & .*/return !wanted \&\&/
