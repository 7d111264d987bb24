# FIONREAD of more than INT_MAX bytes.
# Kernel: 6.12
# Suite: check_ioctl
# Found-by: not ok .*:fionread_says_no_more_than_fits_into_an_int:
s/clamp_t(u64, stats.used, 1, INT_MAX)/stats.used/
