# An irq_work that runs in the thread of a CPU, on a real-time kernel.
# Kernel: 6.12-rt
# Suite: check_hotplug
# Found-by: not ok .*:(every_waiter_is_told_|an_append_of_a_CPU_|a_buffer_is_destroyed_|the_modules_are_unloaded_)
s/IRQ_WORK_INIT_HARD(/IRQ_WORK_INIT(/
