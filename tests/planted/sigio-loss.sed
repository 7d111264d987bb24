# No signal for a loss if nobody polls for it.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*check_poll
/^static noinline void bufflink_queue_loss_wakeup/,/^}/ s/READ_ONCE(bl->fasync))/false)/
