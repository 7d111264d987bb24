# The new size is seen with the old memory: a record that fits is refused.
# Kernel: 6.12
# Suite: check_resize
# Windows: y
# Found-by: not ok .*what_fits_is_not_refused_during_a_resize
/^static int bufflink_replace_memory/,/^}/ {
	/smp_store_release(&bl->size, size)/d
	/smp_store_release(&bl->data, data)/ i\
	smp_store_release(&bl->size, size);
}
