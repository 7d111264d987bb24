# A wakeup of one exclusive waiter, after which the next append wakes no other.
# Kernel: 6.12
# Suite: check_waiters
# Found-by: not ok .*buffer.* of EPOLLEXCLUSIVE sleep
s/if (bufflink_has_two_exclusive(&bl->data_wait))/if (0)/
/^static bool bufflink_has_two_exclusive/ s/static/static __maybe_unused/
