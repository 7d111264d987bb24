# A read that looks for writers, and then makes room.
# Kernel: 6.12
# Suite: check_waiters
# Windows: y
# Found-by: not ok .*buffer.* of (write|POLLOUT) sleep
/^static ssize_t bufflink_copy_out/,/^}/ {
	/bufflink_advance_tail(&bl->ring, copied);/ i\
			bool asleep = waitqueue_active(&bl->room_wait);\

	s/bufflink_wake_writers(bl);/if (asleep)\n\t\t\t\tbufflink_wake_writers(bl);/
}
