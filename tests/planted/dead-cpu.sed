# An irq_work queued on a CPU that is offline already.
# Kernel: 6.12
# Suite: check_hotplug
# Found-by: not ok .*:an_append_of_a_CPU_that_is_offline_wakes:
s/return !cpu_online(cpu) && cpu_dying(cpu);/return cpu == nr_cpu_ids;/
/^static int bufflink_cpu_dead/,/^}/ s/bufflink_wake_readers(bl)/barrier()/
