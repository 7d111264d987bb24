# poll() tells a file that is open for reading only of room.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*in_is_for_files_that_can_read
s/else if (file->f_mode & FMODE_WRITE && /else if (/
