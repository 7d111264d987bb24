# A write of any size, copied with interrupts off.
# Kernel: 6.12
# Suite: check_write
# Found-by: not ok .*:a_write_has_64_kib_at_most:
s/size > BUFFLINK_WRITE_MAX)/0)/
