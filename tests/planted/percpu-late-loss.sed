# A loss that nothing follows, of which nobody is told.
# Kernel: 6.1
# Suite: check_percpu
# Found-by: not ok .*:a_loss_in_an_empty_buffer_is_reported_at_once:
/^static bool bufflink_has_late_loss/,/^}/ s/return .*/return false;/
