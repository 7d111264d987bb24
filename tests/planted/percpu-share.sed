# A ring wakes only if it has the whole watermark.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:the_watermark_on_all_cpus_together_wakes_at_once:
s/DIV_ROUND_UP(watermark, bl->ring_count)/watermark/
