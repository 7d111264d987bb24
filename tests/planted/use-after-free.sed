# An open file without a reference of its own.
# Kernel: 6.1-kasan
# Suite: check_destroy
# Found-by: BUG: KASAN: .*use-after-free
/kref_get(&bl->ref)/d
s/kref_put(&bf->bl->ref, bufflink_free)/bf->bl->wakeups++/
