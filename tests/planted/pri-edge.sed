# GETLOSS does not look for losses that came between the fold and the clearing.
# Kernel: 6.12
# Suite: check_waiters
# Windows: y
# Found-by: not ok .*buffer.* of EPOLLPRI \| EPOLLET sleep
/^static long bufflink_get_loss/,/^}/ {
	/if (flags & BL_UNFOLDED)/d
	/bufflink_queue_loss_wakeup/d
}
