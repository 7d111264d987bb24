# Sums of lost bytes that wrap.
# Kernel: 6.12
# Suite: check_append
# Found-by: not ok .*:lost_bytes_stop_at_the_largest_number:
/^static __always_inline u64 bufflink_add/,/^}/ s/return .*/return sum + bytes;/
