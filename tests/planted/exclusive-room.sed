# An exclusive waiter for room that takes the wakeup of one for data.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*:exclusive_waiters_for_room_or_the_end_leave_data_to_others:
/^static void bufflink_join_queues/,/^}/ s/if (wanted & EPOLLEXCLUSIVE)/if (0)/
