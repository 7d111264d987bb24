# Sums of lost bytes that wrap.
# Kernel: 6.12
# Suite: check_append
# Found-by: not ok .*check_append
/^static __always_inline u64 bufflink_add/,/^}/ s/return .*/return sum + bytes;/
