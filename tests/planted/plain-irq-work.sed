# An irq_work that runs in the thread of a CPU, on a real-time kernel.
# Kernel: 6.12-rt
# Suite: check_hotplug
# Found-by: not ok .*check_hotplug
s/IRQ_WORK_INIT_HARD(/IRQ_WORK_INIT(/
