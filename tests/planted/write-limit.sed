# A write of any size, copied with interrupts off.
# Kernel: 6.12
# Suite: check_write
# Found-by: not ok .*check_write
s/ || size > BUFFLINK_WRITE_MAX)/)/
