# An off-by-one at the wrap: one byte behind the ring's end.
# Kernel: 6.1-kasan
# Suite: check_append
# Found-by: BUG: KASAN: .*out-of-bounds
s/min(size, bufflink_to_end(ring));$/min(size, bufflink_to_end(ring) + 1);/
