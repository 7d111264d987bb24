# A lazy irq_work that nobody waits for when its CPU goes offline.
# Kernel: 6.12-rt
# Suite: check_hotplug
# Found-by: not ok .*:(every_waiter_is_told_|an_append_of_a_CPU_|a_buffer_is_destroyed_|the_modules_are_unloaded_)
s/if (!cpu_active(cpu) || /if (/
/^static int bufflink_cpu_offline/,/^}/ s/while (irq_work_is_busy/while (0 \&\& irq_work_is_busy/
