# Stamps of a counter for each CPU, which say nothing of other CPUs.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:no_record_comes_before_one_that_had_returned_when_it_began:
/^static DEFINE_PER_CPU(unsigned int, bufflink_depth);/ a\
static DEFINE_PER_CPU(unsigned long, bufflink_stamps);
/^static __always_inline unsigned long bufflink_stamp/,/^}/ {
	s/return likely.*/return __this_cpu_inc_return(bufflink_stamps);/
	/atomic_long_inc_return/d
}
/^static unsigned long bufflink_last_stamp/,/^}/ s/return stamp;/return LONG_MAX;/
