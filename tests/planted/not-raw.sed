# A lock that sleeps on a real-time kernel, taken with interrupts off.
# Kernel: 6.12-rt-debug
# Suite: check_sysfs
# Found-by: BUG: sleeping function called from invalid context
s/raw_spinlock_t/spinlock_t/
s/raw_spin_/spin_/
