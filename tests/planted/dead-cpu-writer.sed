# A writer that waits for room in the ring of a CPU that went offline stays asleep.
# Kernel: 6.12
# Suite: check_hotplug
# Found-by: not ok .*a_writer_to_a_per_CPU_buffer_goes_on_when_its_CPU_goes_offline
/^static int bufflink_cpu_dead/,/^}/s/bufflink_wake_writers(bl);//
