# A poll that looks twice, and arms only if the first look found nothing.
# Kernel: 6.12
# Suite: check_waiters
# Windows: y
# Found-by: not ok .*buffer.* of (poll|select|epoll|io_uring poll) sleep
/^static __poll_t bufflink_poll/,/^}/ {
	s/!(events & EPOLLIN))/!bufflink_has_data(bl))/
	/^\tevents = bufflink_events/d
	/^\t__poll_t events;/d
	s/^\t\tevents = .*;/\t\tbarrier();/
	s/return events;/return bufflink_events(file, wanted);/
}
