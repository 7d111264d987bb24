# A fault after records were taken out of a ring, which tells no writer of the room.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:room_that_a_fault_makes_wakes_a_writer:
s/if (done && wq_has_sleeper(&bl->room_wait))/if (done > 0 \&\& wq_has_sleeper(\&bl->room_wait))/
