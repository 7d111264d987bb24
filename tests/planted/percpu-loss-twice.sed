# A loss that the next record carries, and the one after it, too.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_loss_is_counted_at_once_and_reported_where_it_is:
/ring->pending_records -= header.lost_records;/d
