# A read that looks twice, and arms only if the first look found nothing.
# Kernel: 6.12
# Suite: check_waiters
# Windows: y
# Found-by: not ok .*buffer.* of (read|io_uring read) sleep
/^static bool bufflink_ready_or_arm/,/^}/ {
	s/if (bufflink_ready(bl))/if (!bufflink_ready(bl))/
	/^\tbufflink_arm/d
	s/^\t\treturn true;/\t\tbufflink_arm(bl);/
}
