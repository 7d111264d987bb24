# A plain counter outside the lock.
# Kernel: 6.12-kcsan
# Suite: check_stress
# Found-by: BUG: KCSAN: data-race in .*bufflink
/^\tring->records++;$/d
/^static __always_inline int __bufflink_append/,/^}/ {
	/irqs = bufflink_enter();/ i\
	ring->records++;
}
