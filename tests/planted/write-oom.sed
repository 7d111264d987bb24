# A write() that may invoke the OOM killer.
# Kernel: 6.12
# Suite: check_write
# Found-by: not ok .*:a_write_without_memory_is_enomem_and_kills_no_program:
/kvmalloc(size, GFP_KERNEL_ACCOUNT/ {
	s/ |$/);/
	n
	d
}
