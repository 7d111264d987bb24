# The overflow flag goes with the first report, while another loss is ahead.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:overflow_stays_until_the_last_loss_is_reported:
s/all = stats.lost_records <= bl->reported;/all = true;/
