# POLLOUT for a write that was refused and does not fit yet.
# Kernel: 6.12
# Suite: check_write,check_poll
# Found-by: not ok .*check_
s/err == -EAGAIN ? size : 0/0/
