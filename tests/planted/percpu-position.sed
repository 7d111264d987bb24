# A loss that is reported where the read began.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:losses_of_two_cpus_have_a_place_each:
s/bl->position + bl->page_used);/bl->position);/
