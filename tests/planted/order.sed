# Destroy takes the readers' two locks in the other order.
# Kernel: 6.1-kasan
# Suite: check_append
# Found-by: WARNING: possible circular locking dependency
/^void bufflink_destroy/,/^}/ {
	/mutex_lock(&bl->bounce_lock)/ a\
	mutex_lock(&bl->read_lock);\
	mutex_unlock(&bl->read_lock);
}
