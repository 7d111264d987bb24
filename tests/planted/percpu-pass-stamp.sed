# A pass also takes records that are appended while it looks from ring to ring.
# Kernel: 6.1
# Suite: check_percpu
# Windows: y
# Found-by: not ok .*:(no_record_comes|with_losses|during_resizes)
/^static unsigned long bufflink_last_stamp/,/^}/ s/return stamp;/return stamp + (LONG_MAX >> 1);/
