# A wakeup of one exclusive waiter, after which the append wakes no other.
# Kernel: 6.12
# Suite: check_waiters
# Found-by: not ok .*waiter
/^static void bufflink_wake(/,/^}/ {
	/if (bufflink_has_exclusive/d
	/bufflink_arm(bl);/d
}
/^static bool bufflink_has_exclusive/ s/static/static __maybe_unused/
