# The bytes that a fault leaves in the page are dropped.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_fault_takes_only_the_bytes_that_were_copied:
s/(&bl->page_used, bl->page_used - size)/(\&bl->page_used, 0)/
