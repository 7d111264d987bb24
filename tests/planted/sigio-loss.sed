# No signal for a loss if nobody polls for it.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*:the_first_loss_after_each_report_sends_sigio:
/^static noinline void bufflink_queue_loss_wakeup/,/^}/ s/READ_ONCE(bl->fasync))/false)/
