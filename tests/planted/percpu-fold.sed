# A loss that could not wait for the lock of its ring is never counted.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_loss_nested_in_an_append_is_reported_once:
/^static noinline void bufflink_fold/,/^}/ s/!atomic_long_read(&ring->missed_records)/true/
