# A reader that goes on as long as there are losses to report.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_flood_of_losses_does_not_keep_a_reader:
s/ && --looks)/ \&\& looks)/
