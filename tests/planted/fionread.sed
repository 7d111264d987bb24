# FIONREAD of more than INT_MAX bytes.
# Kernel: 6.12
# Suite: check_ioctl
# Found-by: not ok .*check_ioctl
s/value = min_t(size_t, bufflink_readable(bl), INT_MAX);/value = bufflink_readable(bl);/
