# A pass that looks for the next record in the memory from before a resize.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:order_is_kept_over_a_resize:
/^static __always_inline bool bufflink_look/,/^}/ s/bufflink_turn(bl, ring);/barrier();/
