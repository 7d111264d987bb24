# POLLOUT for a write that was refused and does not fit yet.
# Kernel: 6.12
# Suite: check_poll,check_write
# Found-by: not ok .*:(out|epoll_by_level|epoll_by_edge|room)_.*refused
/^\tif (err == -EAGAIN)/d
s/WRITE_ONCE(bf->wanted_room, size)/WRITE_ONCE(bf->wanted_room, 0)/
