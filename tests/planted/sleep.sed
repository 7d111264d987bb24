# An allocation that may sleep, under the raw lock.
# Kernel: 6.1-kasan
# Suite: check_ioctl
# Found-by: BUG: sleeping function called from invalid context
/^static void bufflink_snapshot/,/^}/ {
	/stats->size += / i\
	kfree(kmalloc(64, GFP_KERNEL));
}
