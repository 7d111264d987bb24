# What a fault leaves of the page is dropped.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_fault_takes_only_what_was_copied:
s/(&bl->page_used, bl->page_used - size)/(\&bl->page_used, 0)/
