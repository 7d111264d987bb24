# The ring's memory is never freed.
# Kernel: 6.1-kasan
# Suite: check_sysfs
# Found-by: unreferenced object
s/vfree(ring->data)/barrier()/
