# A file that cannot read, which takes the wakeups for data of one that can.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*exclusive_waiters_for_room
/^static __poll_t bufflink_poll/,/^}/ {
	/if (!(file->f_mode & FMODE_READ))/,+1d
}
