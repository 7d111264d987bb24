# No SIGIO for a loss that was there before O_ASYNC was set.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*:a_loss_before_o_async_is_set_sends_sigio_then:
/^static int bufflink_fasync/,/^}/s/bufflink_has_loss(bl)/0/
